"""The main job, end to end, as a client of the API does it (issue 2; L1-L7, S2, J1)."""

from __future__ import annotations

import statistics

from ops.faults.company import LINES, Company
from ops.faults.stack import wait_for


def test_a_segment_becomes_entries_of_the_log(company: Company) -> None:
    """L1, L4-L7, S2-S5: contacts, a segment by filter, one personal line, check, log with follow-up."""
    client = company.client
    rows = [f"ORG{n};company;Organisation {n};JO;NEWS|ALL" for n in range(1, 6)]
    file = "\n".join(["no;type;name;salesperson_code;mailing_groups", *rows, "OTHER;company;Other;JO;ALL"])
    asked = client.post("/contacts/import", file, headers={"Content-Type": "text/csv"})
    assert company.finished(asked)["result"]["created"] == 6
    company.contacts(1_500, "NEWS")
    no = company.segment(subject="Thank you", campaign_no="SPRING")
    added = company.add_by_mailing_group(no, "NEWS")
    assert added == {"added": 1_505, "removed": 0, "excluded": 0, "existing": 0, "blocked": 0}

    personal = client.post(f"/segments/{no}/lines", {"contact_no": "ORG3"})
    assert (personal.status, personal.faults) == (409, [("contact_no", "contact_in_segment")])
    line = client.get(f"/segments/{no}/lines?contact_no=org3").json["items"][0]
    values = {"template_code": "GOLF", "description": "Come and play"}
    changed = client.patch(f"/segments/{no}/lines/{line['line_no']}", values)
    assert (changed.status, changed.json["overrides"]) == (200, values)
    assert client.get(f"/segments/{no}/check").json == {
        "lines": 1_505, "ready": 1_505, "problems": [], "warnings": [],
    }  # fmt: skip
    lines = company.all_of(f"/segments/{no}/lines?limit=1000")
    assert [line["line_no"] for line in lines] == list(range(1, 1_506))

    job = company.finished(company.log(no, follow_up=True))

    result = job["result"]
    assert (result["interactions"], result["skipped"], result["warnings"]) == (1_505, 0, [])
    entries = company.all_of(f"/interactions?segment_no={no}&limit=1000&sort=entry_no")
    assert [entry["contact_no"] for entry in entries] == [line["contact_no"] for line in lines]
    told = (
        "template_code",
        "description",
        "subject",
        "cost",
        "duration_min",
        "campaign_no",
        "correspondence_type",
    )
    for line, entry in zip(lines, entries, strict=True):
        assert {name: entry[name] for name in told} == {name: line["effective"][name] for name in told}
    (golf,) = [entry for entry in entries if entry["contact_no"] == "ORG3"]
    assert (golf["template_code"], golf["description"], golf["cost"]) == ("GOLF", "Come and play", "25.00")
    assert {entry["cost"] for entry in entries if entry is not golf} == {"8.00"}

    (logged,) = client.get(f"/logged-segments?segment_no={no}").json["items"]
    assert logged["no"] == result["logged_segment_no"]
    counts = ("interactions_count", "skipped_count", "campaign_entries_count", "active_interactions_count")
    assert [logged[count] for count in counts] == [1_505, 0, 1, 1_505]
    assert (client.get(f"/segments/{no}").status, logged["job_id"]) == (404, job["id"])

    follow_up = client.get(f"/segments/{result['follow_up_segment_no']}").json
    assert (follow_up["description"], follow_up["campaign_no"]) == (f"Follow-up on segment {no}", "SPRING")
    assert (follow_up["template_code"], follow_up["lines_count"]) == (None, 1_505)
    followed = company.all_of(f"/segments/{follow_up['no']}/lines?limit=1000")
    assert [line["contact_no"] for line in followed] == [line["contact_no"] for line in lines]
    assert all(line["overrides"] == {} for line in followed)


def test_lines_with_problems_are_named_or_skipped(company: Company) -> None:
    """L3, S9, C3: 3 of 1,000 contacts have no salesperson, and 2 are blocked after they were added."""
    client = company.client
    without = company.contacts(3, "W", salesperson=None)
    good = company.contacts(997, "G")
    blocked = [good[100], good[500]]
    no = company.segment()
    for group in ("W", "G"):
        company.add_by_mailing_group(no, group)
    for contact_no in blocked:
        assert client.patch(f"/contacts/{contact_no}", {"privacy_blocked": True}).status == 200
    faulty = client.get(f"/segments/{no}/lines?problem=any").json["items"]
    assert {line["contact_no"]: line["problems"] for line in faulty} == {
        **{no: ["salesperson_missing"] for no in without}, **{no: ["privacy_blocked"] for no in blocked},
    }  # fmt: skip

    refused = company.ended(company.log(no))

    assert (refused["state"], refused["problem"]["code"], refused["problem"]["status"]) == (
        "refused", "segment_has_problems", 422,
    )  # fmt: skip
    found = {
        problem["code"]: (problem["count"], [line["contact_no"] for line in problem["lines"]])
        for problem in refused["problem"]["errors"]
    }
    assert found == {"salesperson_missing": (3, without), "privacy_blocked": (2, blocked)}
    assert company.written() == 0
    assert client.get("/logged-segments").json["items"] == []
    assert client.get(f"/segments/{no}").json["status"] == "open"

    result = company.finished(company.log(no, on_invalid="skip"))["result"]

    assert (result["interactions"], result["skipped"]) == (995, 5)
    skipped = client.get(f"/logged-segments/{result['logged_segment_no']}/skipped").json["items"]
    assert {line["contact_no"]: line["problems"] for line in skipped} == {
        **{no: ["salesperson_missing"] for no in without}, **{no: ["privacy_blocked"] for no in blocked},
    }  # fmt: skip
    logged = {entry["contact_no"] for entry in company.all_of(f"/interactions?segment_no={no}&limit=1000")}
    assert logged == set(good) - set(blocked)
    answer = client.post(f"/logged-segments/{result['logged_segment_no']}/skipped/segment")
    mended = company.finished(answer)["result"]
    assert (mended["contacts"], mended["left_out"]) == (3, 2)
    lines = client.get(f"/segments/{mended['segment_no']}/lines").json["items"]
    assert [line["contact_no"] for line in lines] == without


def test_a_header_edit_costs_the_same_whatever_the_lines(company: Company) -> None:
    """S2 (issue 2, must show): measured beside a segment of 100 lines, in the same run."""
    client = company.client
    small, large = company.segment(lines=100), company.segment(lines=LINES)
    last = f"/segments/{large}/lines/{LINES}"
    assert client.patch(f"/segments/{large}/lines/1", {"subject": "Personal", "cost": 1}).status == 200

    def seconds(no: str, turn: int) -> float:
        answer = client.patch(f"/segments/{no}", {"subject": f"Turn {turn}", "unit_cost": turn})
        assert answer.status == 200, answer.text
        return answer.seconds

    taken = [(seconds(small, turn), seconds(large, turn)) for turn in range(1, 16)]

    of_small, of_large = (statistics.median(column) for column in zip(*taken, strict=True))
    assert of_large < 5 * of_small, (of_large, of_small)
    effective = client.get(last).json["effective"]
    assert (effective["subject"], effective["cost"]) == ("Turn 15", "15.00")
    effective = client.get(f"/segments/{large}/lines/1").json["effective"]
    assert (effective["subject"], effective["cost"]) == ("Personal", "1.00")
    assert client.get(f"/segments/{large}").json["cost_total"] == f"{15 * (LINES - 1) + 1}.00"


def test_the_log_shows_a_segment_all_at_once(company: Company) -> None:
    """L8: whoever looks while it runs sees nothing of it, or everything."""
    no = company.segment(lines=LINES)
    job_id = company.log(no)
    seen: set[tuple[int, int]] = set()

    def look() -> bool:
        entries = company.client.get(f"/interactions?segment_no={no}&limit=1").json["items"]
        seen.add((len(entries), company.client.get(f"/segments/{no}").status))
        return len(entries) == 1

    assert company.midway(job_id)["done"]
    assert not look()
    wait_for(look, "the log shows the segment")
    assert seen - {(0, 404)} <= {(0, 200), (1, 404)}
    company.assert_logged_exactly_once(job_id)


def test_memory_does_not_grow_with_the_lines(company: Company) -> None:
    """STYLE, DESIGN 7: peak of the pool processes and of web, after 10,000 lines and after `LINES`."""

    def peak(name: str) -> int:
        return max(_megabytes(pid, "VmHWM") for pid in company.stack.members(name))

    for _ in range(2):  # the first warms both pool processes up
        company.finished(company.log(company.segment(lines=10_000), follow_up=True))
    small = {name: peak(name) for name in ("worker", "web")}
    company.finished(company.log(company.segment(lines=LINES), follow_up=True))
    large = {name: peak(name) for name in ("worker", "web")}
    assert all(large[name] - small[name] <= 5 for name in small), (small, large)


def _megabytes(pid: int, field: str) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith(field))
