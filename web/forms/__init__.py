"""Forms: what is typed on a page becomes values for the domain, and the domain's faults find their field.

Fields carry the API's field names. A form checks only what can be read at all (a number that is none, a text
too long); the rules are the domain's, and what either of them finds is shown in one go.
"""

from web.forms.base import RecordForm, etag_of, show_faults
from web.forms.fields import (
    AmountField,
    ChoiceField,
    CodeField,
    CodesField,
    DayField,
    FlagField,
    MinutesField,
    RowsField,
    TextField,
    WholeField,
)

__all__ = [
    "AmountField",
    "ChoiceField",
    "CodeField",
    "CodesField",
    "DayField",
    "FlagField",
    "MinutesField",
    "RecordForm",
    "RowsField",
    "TextField",
    "WholeField",
    "etag_of",
    "show_faults",
]
