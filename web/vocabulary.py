"""The words of DESIGN 2 for what the domain keeps as codes: choices, states, kinds, problems, fields.

Every text is lazy: it is put into the reader's language when it is shown.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext as _p

CONTACT_TYPES = {"company": _("Company"), "person": _("Person")}
CORRESPONDENCE_TYPES = {"hard_copy": _("Hard Copy"), "email": _("Email"), "fax": _("Fax")}
INFORMATION_FLOWS = {"outbound": _("Outbound"), "inbound": _("Inbound")}
INITIATED_BY = {"us": _("Us"), "them": _("Them")}
EVALUATIONS = {
    "very_positive": _("Very Positive"),
    "positive": _("Positive"),
    "neutral": _("Neutral"),
    "negative": _("Negative"),
    "very_negative": _("Very Negative"),
}
ORIGINS = {"manual": _("Manual"), "segment": _("Segment"), "document": _("Document")}
ACCOUNT_TYPES = {"customer": _("Customer"), "vendor": _("Vendor")}
ROLES = {
    "viewer": _("Viewer"),
    "salesperson": _p("role", "Salesperson"),
    "marketing": _("Marketing"),
    "admin": _("Administrator"),
    "service": _("Service"),
}
SEGMENT_STATES = {"open": _("Open"), "logging": _("Being logged")}
LOGGED_SEGMENT_STATES = {"logging": _("Being logged"), "logged": _("Logged")}

DOCUMENT_TYPES = {
    "sales_quote": _("Sales Quote"),
    "sales_blanket_order": _("Sales Blanket Order"),
    "sales_order_confirmation": _("Sales Order Confirmation"),
    "sales_invoice": _("Sales Invoice"),
    "sales_shipment": _("Sales Shipment"),
    "sales_credit_memo": _("Sales Credit Memo"),
    "sales_statement": _("Sales Statement"),
    "sales_reminder": _("Sales Reminder"),
    "service_order_created": _("Service Order Created"),
    "service_order_posted": _("Service Order Posted"),
    "purchase_quote": _("Purchase Quote"),
    "purchase_blanket_order": _("Purchase Blanket Order"),
    "purchase_order": _("Purchase Order"),
    "purchase_invoice": _("Purchase Invoice"),
    "purchase_receipt": _("Purchase Receipt"),
    "purchase_credit_memo": _("Purchase Credit Memo"),
    "cover_sheet": _("Cover Sheet"),
    "sales_return_order": _("Sales Return Order"),
    "finance_charge_memo": _("Finance Charge Memo"),
    "sales_return_receipt": _("Sales Return Receipt"),
    "purchase_return_shipment": _("Purchase Return Shipment"),
    "purchase_return_order": _("Purchase Return Order"),
    "service_contract": _("Service Contract"),
    "service_contract_quote": _("Service Contract Quote"),
    "service_quote": _("Service Quote"),
    "sales_draft_invoice": _("Sales Draft Invoice"),
    "email": _p("document", "Email"),
    "email_draft": _("Email Draft"),
    "outgoing_call": _("Outgoing Call"),
    "meeting_invitation": _("Meeting Invitation"),
}

# What became of a document event (D7), how it came in, what it says.
EVENT_OUTCOMES = {
    "received": _p("event", "Received"),
    "recorded": _p("event", "Recorded"),
    "reprint": _p("event", "Reprint"),
    "ignored": _p("event", "Ignored"),
    "unresolved": _p("event", "Unresolved"),
    "suppressed": _p("event", "Suppressed"),
    "rejected": _p("event", "Rejected"),
}
EVENT_DOORS = {"http": _("HTTP"), "stream": _("Redis Stream"), "task": _("Celery task")}
EVENT_TYPES = {"document.printed": _("Printed"), "document.sent": _("Sent")}

JOB_STATES = {
    "queued": _("Queued"),
    "running": _("Running"),
    "canceling": _("Canceling"),
    "succeeded": _("Succeeded"),
    "refused": _("Refused"),
    "failed": _("Failed"),
    "canceled": _p("job", "Canceled"),
}
JOB_KINDS = {
    "log_segment": _("Log Segment"),
    "criteria_action": _("Criteria Action"),
    "undo": _("Undo Criteria Action"),
    "apply_criteria": _("Apply Saved Criteria"),
    "reuse": _("Reuse Logged Segment"),
    "fill_mailing_group": _("Fill Mailing Group"),
    "change_lines": _("Change Lines"),
    "remove_lines": _("Take Out Lines"),
    "copy_segment": _("Copy Segment"),
    "follow_up": _("Create Follow-up Segment"),
    "cancel_interactions": _("Cancel Interactions"),
    "restore_interactions": _("Restore Interactions"),
    "evaluate_interactions": _("Evaluate Interactions"),
    "delete_logged_segments": _("Delete Canceled Logged Segments"),
    "sum_up": _("Sum Up Statistics"),
    "import_contacts": _("Import Contacts"),
    "erase": _("Erase Contact"),
    "replay": _("Replay Document Events"),
    "discard_segment": _("Clear Away Segment"),
    "purge": _("Delete Canceled Interaction Log Entries"),
    "housekeeping": _("Housekeeping"),
}
CRITERIA_ACTIONS = {
    "add": _("Add Contacts"),
    "reduce": _("Reduce Contacts"),
    "refine": _("Refine Contacts"),
}

# What an action did with a contact, or why an add did not bring it.
EFFECTS = {
    "added": _("added"),
    "removed": _("taken out"),
    "blocked": _("matches, but is blocked for privacy"),
    "excluded": _("matches, but is excluded from segments"),
    "existing": _("matches, but was there already"),
    "matches": _("matches today, but did not then"),
    "no_match": _("does not match"),
}
TIMELINE_KINDS = {
    "manual": _("Interaction"),
    "call": _("Phone Call"),
    "segment": _("Segment"),
    "document": _("Document"),
}
# What the audit calls deeds and things.
AUDIT_ACTIONS = {
    "create": _("Created"),
    "change": _("Changed"),
    "delete": _("Deleted"),
    "finish": _("Finished"),
    "comment": _("Commented"),
    "erase": _("Erased"),
    "export": _("Personal data exported"),
    "import_contacts": _("Contacts imported"),
    "cancel": _p("audit", "Canceled"),
    "restore": _("Restored"),
    "revoke": _("Revoked"),
    "undo": _p("audit", "Undone"),
    "fill": _("Filled"),
    "change_password": _("Password changed"),
    "create_sign_in_link": _("Sign-in link made"),
    "purge": _("Purge started"),
    "purged": _("Purge ended"),
    "confirm": _p("audit", "Confirmed"),
    "housekeeping": _("Housekeeping"),
}
AUDIT_THINGS = {
    "contact": _("Contact"),
    "salesperson": _("Salesperson"),
    "campaign": _("Campaign"),
    "interaction_group": _("Interaction Group"),
    "interaction_template": _("Interaction Template"),
    "number_series": _("Number Series"),
    "template_setup": _("Interaction Template Setup"),
    "setup": _("Marketing Setup"),
    "segment": _("Segment"),
    "segment_line": _("Segment Line"),
    "criteria_action": _("Criteria Action"),
    "saved_criteria": _("Saved Criteria"),
    "mailing_group": _("Mailing Group"),
    "logged_segment": _("Logged Segment"),
    "campaign_entry": _("Campaign Entry"),
    "interaction": _("Interaction Log Entry"),
    "postponed_interaction": _("Postponed Interaction"),
    "document_event": _("Document Event"),
    "user": _("User"),
    "token": _("API Token"),
    "job": _("Job"),
    "purge": _("Deletion"),
    "purge_schedule": _("Purge Schedule"),
    "purge_setup": _("Housekeeping"),
    "archive": _("Archive"),
    "clock": _("Clock"),
    "chosen_columns": _("Columns of a list"),
    "saved_filter": _("Saved view"),
}
# Why an entry is not changed with others (E4, U1).
REFUSED_ENTRIES = {
    "forbidden": _("It is somebody else's."),
    "above_canceled": _("Its logged segment or campaign entry is canceled."),
}

# Problems and warnings of segment lines (S9), and what can be done about them.
LINE_PROBLEMS = {
    "contact_missing": _("The contact no longer exists"),
    "contact_erased": _("The contact has been erased"),
    "privacy_blocked": _("The contact is blocked for privacy"),
    "template_missing": _("No interaction template"),
    "template_retired": _("The interaction template is retired"),
    "salesperson_missing": _("No salesperson"),
    "salesperson_unknown": _("The salesperson no longer exists"),
    "salesperson_blocked": _("The salesperson is blocked"),
    "date_missing": _("No date"),
    "campaign_unknown": _("The campaign no longer exists"),
    "address_missing": _("No address for the correspondence type"),
    "content_missing": _("The interaction template has no content to send"),
}
LINE_WARNINGS = {
    "email_missing": _("Correspondence type Email, but the contact has no email address"),
    "excluded": _("The contact is excluded from segments"),
    "contacted_recently": _("The contact has another interaction around this date"),
    "duplicate_contact": _("The contact is on several lines"),
}
SEGMENT_PROBLEMS = {
    "description_missing": _("The segment has no description"),
    "segment_empty": _("The segment has no lines"),
    "already_logged": _("A segment with this number has already been logged"),
    "number_series_missing": _("The marketing setup names no number series"),
}

# The name of a person; that of other things is in FIELDS.
PERSON_NAME = _p("person", "Name")
FIELDS = {
    "account_no": _("Account No."),
    "account_type": _("Account Type"),
    "accounts": _("Customer and Vendor Accounts"),
    "active": _("Active"),
    "address": _("Address"),
    "allow_existing": _("Allow contacts that are already in the segment"),
    "allow_manual": _("Manual Numbers"),
    "archive": _("Archive"),
    "archive_file": _("Archive File"),
    "archive_sha256": _("Checksum (SHA-256)"),
    "attempt_failed": _("Attempt Failed"),
    "blocked": _("Blocked"),
    "business_relations": _("Business Relations"),
    "campaign_no": _("Campaign"),
    "campaign_nos": _("Campaign Nos."),
    "campaign_response": _("Campaign Response"),
    "campaign_target": _("Campaign Target"),
    "canceled": _("Canceled"),
    "canceled_for_days": _("Canceled for at least (days)"),
    "city": _("City"),
    "code": _("Code"),
    "comments": _("Comments"),
    "company_name": _("Company Name"),
    "company_no": _("Company"),
    "contact_no": _("Contact"),
    "contact_nos": _("Contact Nos."),
    "contact_pressure_days": _("Contact Pressure (days)"),
    "contact_via": _("Contact Via"),
    "correspondence_type": _("Correspondence Type"),
    "cost": _("Cost"),
    "country_code": _("Country/Region"),
    "cron": _("Times (cron)"),
    "date": _("Date"),
    "date_from": _("From Date"),
    "date_to": _("To Date"),
    "description": _("Description"),
    "display_name": _("Display Name"),
    "document_no": _("Document No."),
    "document_occurrence": _("Document Occurrence"),
    "document_type": _("Document Type"),
    "document_version": _("Document Version"),
    "duration_min": _("Duration (min.)"),
    "email": _("Email"),
    "enabled": _("Enabled"),
    "ending_date": _("Ending Date"),
    "entry_no": _("Entry No."),
    "entry_no_from": _("From Entry No."),
    "entry_no_to": _("To Entry No."),
    "evaluation": _("Evaluation"),
    "exclude_from_segment": _("Exclude from Segment"),
    "expires_at": _("Expires"),
    "group_code": _("Interaction Group"),
    "ignore_contact_correspondence_type": _("Ignore Contact's Correspondence Type"),
    "increment": _("Increment"),
    "industry_groups": _("Industry Groups"),
    "information_flow": _("Information Flow"),
    "initiated_by": _("Initiated By"),
    "job_responsibilities": _("Job Responsibilities"),
    "keep_idempotency_keys_hours": _("Keep answers to repeated requests (hours)"),
    "filters": _("Filters"),
    "keep_jobs_days": _("Keep finished jobs (days)"),
    "keep_document_data_days": _("Keep the data of document events (days)"),
    "keep_canceled_segments_days": _("Keep canceled logged segments (days)"),
    "language_code": _("Language"),
    "languages": _("Languages"),
    "last_no_used": _("Last No. Used"),
    "logged_segment_no": _("Logged Segment"),
    "mailing_groups": _("Mailing Groups"),
    "mobile_phone": _("Mobile Phone"),
    "name": _("Name"),
    "no": _("No."),
    "opportunity_no": _("Opportunity No."),
    "password": _("Password"),
    "phone": _("Phone"),
    "phone_call": _("Phone Call"),
    "post_code": _("Post Code"),
    "privacy_blocked": _("Privacy Blocked"),
    "purge_rows_limit": _("Most entries without a second question"),
    "reprint_window_hours": _("Reprint Window (hours)"),
    "retired": _("Retired"),
    "role": _("Role"),
    "salesperson_code": _("Salesperson"),
    "schedule": _("Schedule"),
    "segment_no": _("Segment No."),
    "segment_nos": _("Segment Nos."),
    "source_entry_no": _("From Entry"),
    "starting_date": _("Starting Date"),
    "starting_no": _("Starting No."),
    "source": _("Source"),
    "state": _("Status"),
    "subject": _("Subject"),
    "successful": _("Attempt Succeeded"),
    "template_code": _("Interaction Template"),
    "territory_code": _("Territory"),
    "time": _("Time"),
    "timezone": _("Time Zone"),
    "type": _("Type"),
    "unit_cost": _("Unit Cost"),
    "unit_duration_min": _("Unit Duration (min.)"),
    "user": _("User"),
}
