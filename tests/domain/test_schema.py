"""The mapped classes say what the migrations made."""

import importlib
import pkgutil

import pytest
from sqlalchemy import Engine, Table, inspect

import domain
from domain.database import Base

for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{module.name}")

TABLES = sorted(Base.metadata.tables)


@pytest.mark.parametrize("name", TABLES)
def test_a_class_has_the_columns_of_its_table(engine: Engine, name: str) -> None:
    table = Base.metadata.tables[name]
    made = {column["name"]: column for column in inspect(engine).get_columns(name)}

    assert {
        column.name: (column.type.compile(engine.dialect), column.nullable) for column in table.columns
    } == {name: (column["type"].compile(engine.dialect), column["nullable"]) for name, column in made.items()}


@pytest.mark.parametrize("name", TABLES)
def test_a_class_has_the_primary_key_of_its_table(engine: Engine, name: str) -> None:
    made = inspect(engine).get_pk_constraint(name)["constrained_columns"]

    assert {column.name for column in Base.metadata.tables[name].primary_key} == set(made)


@pytest.mark.parametrize("name", TABLES)
def test_a_class_knows_no_foreign_key_that_its_table_has_not(engine: Engine, name: str) -> None:
    table: Table = Base.metadata.tables[name]
    made = {
        (column, key["referred_table"])
        for key in inspect(engine).get_foreign_keys(name)
        for column in key["constrained_columns"]
    }

    mapped = {(key.parent.name, key.target_fullname.partition(".")[0]) for key in table.foreign_keys}
    assert mapped <= made
