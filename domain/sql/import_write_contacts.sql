-- Write the good rows of a chunk: known contacts get the columns of the file, new ones are made, under the numbers
-- given out for those that have none. Contacts are looked up one by one, see import_reject_rows. Index: import_row_pkey, contact_no_key, salesperson_code_key.
WITH good AS MATERIALIZED (
    SELECT r.*, coalesce(r.no, n.no) AS contact_no, c.id AS contact_id, o.id AS company_id, s.id AS salesperson_id
    FROM (
        SELECT i.*, row_number() OVER (PARTITION BY i.no IS NULL ORDER BY i.row_no) AS position
        FROM import_row i
        WHERE i.job_id = :job_id AND i.row_no BETWEEN :range_from AND :range_to
          AND i.phase = :phase AND i.errors IS NULL
    ) r
    LEFT JOIN unnest(CAST(:nos AS text[])) WITH ORDINALITY n(no, position) ON r.no IS NULL AND n.position = r.position
    LEFT JOIN LATERAL (
        SELECT id FROM contact WHERE lower(no) = lower(r.no) LIMIT 1) c ON true
    LEFT JOIN LATERAL (
        SELECT id FROM contact WHERE lower(no) = lower(r.company_no) LIMIT 1) o ON true
    LEFT JOIN salesperson s ON lower(s.code) = lower(r.salesperson_code)
), given AS (
    SELECT CAST(:fields AS text[]) AS fields
), updated AS (
    UPDATE contact c SET
        type = coalesce(g.type, c.type),
        name = coalesce(g.name, c.name),
        company_id = CASE WHEN 'company_no' = ANY(fields) THEN g.company_id ELSE c.company_id END,
        email = coalesce(g.email, c.email),
        phone = coalesce(g.phone, c.phone),
        mobile_phone = coalesce(g.mobile_phone, c.mobile_phone),
        address = coalesce(g.address, c.address),
        post_code = coalesce(g.post_code, c.post_code),
        city = coalesce(g.city, c.city),
        country_code = CASE WHEN 'country_code' = ANY(fields) THEN coalesce(g.country_code, '') ELSE c.country_code END,
        territory_code =
            CASE WHEN 'territory_code' = ANY(fields) THEN coalesce(g.territory_code, '') ELSE c.territory_code END,
        language_code = CASE WHEN 'language_code' = ANY(fields) THEN g.language_code ELSE c.language_code END,
        salesperson_id = CASE WHEN 'salesperson_code' = ANY(fields) THEN g.salesperson_id ELSE c.salesperson_id END,
        correspondence_type =
            CASE WHEN 'correspondence_type' = ANY(fields) THEN g.correspondence_type ELSE c.correspondence_type END,
        exclude_from_segment = coalesce(g.exclude_from_segment, c.exclude_from_segment),
        privacy_blocked = coalesce(g.privacy_blocked, c.privacy_blocked)
    FROM good g, given
    WHERE c.id = g.contact_id AND c.id = ANY(ARRAY(SELECT contact_id FROM good WHERE contact_id IS NOT NULL))
), inserted AS (
    INSERT INTO contact (
        no, type, name, company_id, email, phone, mobile_phone, address, post_code, city, country_code,
        territory_code, language_code, salesperson_id, correspondence_type, exclude_from_segment, privacy_blocked)
    SELECT contact_no, type, name, company_id, coalesce(email, ''), coalesce(phone, ''), coalesce(mobile_phone, ''),
           coalesce(address, ''), coalesce(post_code, ''), coalesce(city, ''), coalesce(country_code, ''),
           coalesce(territory_code, ''), language_code, salesperson_id, correspondence_type,
           coalesce(exclude_from_segment, false), coalesce(privacy_blocked, false)
    FROM good
    WHERE contact_id IS NULL
    ORDER BY row_no
    RETURNING id, no
), linked AS MATERIALIZED (
    SELECT coalesce(g.contact_id, i.id) AS id, g.accounts, g.mailing_groups, g.industry_groups,
           g.business_relations, g.job_responsibilities
    FROM good g
    LEFT JOIN inserted i ON i.no = g.contact_no
    WHERE num_nonnulls(g.accounts, g.mailing_groups, g.industry_groups, g.business_relations,
                       g.job_responsibilities) > 0
), accounts AS (
    INSERT INTO contact_account (type, no, contact_id)
    SELECT split_part(a.account, ':', 1), substr(a.account, strpos(a.account, ':') + 1), l.id
    FROM linked l, unnest(string_to_array(l.accounts, '|')) a(account)
), memberships AS (
    INSERT INTO contact_membership (kind, code, contact_id)
    SELECT m.kind, c.code, l.id
    FROM linked l
    CROSS JOIN LATERAL (VALUES
        ('mailing_group', l.mailing_groups), ('industry_group', l.industry_groups),
        ('business_relation', l.business_relations), ('job_responsibility', l.job_responsibilities)
    ) m(kind, codes)
    CROSS JOIN LATERAL unnest(string_to_array(m.codes, '|')) c(code)
)
SELECT count(*) FILTER (WHERE contact_id IS NULL) AS created,
       count(*) FILTER (WHERE contact_id IS NOT NULL) AS updated
FROM good
