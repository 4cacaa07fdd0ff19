"""Updates and deactivations of customers (domain A4, C2).

The account stays whatever happens, for what was sold refers to it. A deactivated customer bears the time of the
deactivation; registers do not show it any more, and what is not posted yet is posted all the same.
"""

from __future__ import annotations

from commerce.customers.candidates import BLANKS, PERSON_NAME
from commerce.customers.dependents import Kind
from commerce.customers.operations import primaries
from commerce.customers.operations.kinds import ACTIVE, Edits, any_changes, changed
from commerce.schema.enums import ContactType, RelationType

_ACCOUNT = (
    "custgroup",
    "currency",
    "taxgroup",
    "vatnum",
    "pricegroup",
    "linedisc",
    "multilinedisc",
    "enddisc",
    "invoiceaccount",
    "identificationnumber",
    "contactpersonid",
)
_DECIDED = ("creditmax", "mandatorycreditlimit", "blocked")
"""Credit is headquarters' business (domain F25): a register gives it with a new customer, and changes it no more."""

_NAME = f"""CASE WHEN btrim(s.custname, {BLANKS}) <> '' THEN s.custname
                 WHEN p.instancerelationtype = {RelationType.PERSON} THEN {PERSON_NAME} ELSE '' END"""

_SLOTS = {
    "phone": (ContactType.PHONE, 0),
    "cellularphone": (ContactType.PHONE, 1),
    "email": (ContactType.EMAIL, 0),
    "url": (ContactType.URL, 0),
}
"""The customer's own contacts: type and whether it is a mobile phone. Those of contact rows are not among them."""

_FIELDS = {
    "custname": _NAME,
    **{name: f"s.{name}" for name in ("firstname", "middlename", "lastname", "languageid", *_ACCOUNT, *_SLOTS)},
    "phoneextension": "s.phoneextension",
    "receiptemail": "s.receiptemail",
    **{
        name: f"s.{name}::text"
        for name in ("receiptoption", "isb2badmin", "titlerecordid", "usepurchrequest", *_DECIDED)
    },
    "organizationid": "s.organizationid",
}


def _slot(name: str) -> str:
    kind, mobile = _SLOTS[name]
    return f"e.type = {kind} AND e.ismobilephone = {mobile}"


_PRESENT = f"""
    SELECT t.accountnum, t.party, t.entity, t.relationshiptype, e.phoneid, e.cellularphoneid, e.emailid, e.urlid,
           jsonb_build_object(
               'custname', p.name, 'languageid', p.languageid, 'organizationid', c.orgid,
               'firstname', coalesce(n.firstname, ''), 'middlename', coalesce(n.middlename, ''),
               'lastname', coalesce(n.lastname, ''), 'titlerecordid', coalesce(d.personaltitle, 0)::text,
               {", ".join(f"'{name}', c.{name}" for name in _ACCOUNT)},
               {", ".join(f"'{name}', c.{name}::text" for name in ("usepurchrequest", *_DECIDED))},
               'receiptemail', coalesce(r.receiptemail, ''), 'receiptoption', coalesce(r.receiptoption, 0)::text,
               'isb2badmin', coalesce(r.isb2badmin, 0)::text, 'phoneextension', coalesce(e.phoneextension, ''),
               {", ".join(f"'{name}', coalesce(e.{name}, '')" for name in _SLOTS)},
               '{ACTIVE}', CASE WHEN r.deactivateddatetime IS NULL THEN '1' ELSE '0' END) AS fields
    FROM thing AS t
    JOIN ax.custtable AS c ON c.dataareaid = :company AND c.accountnum = t.accountnum
    JOIN ax.dirpartytable AS p ON p.recid = t.party
    LEFT JOIN ax.retailcusttable AS r ON r.dataareaid = c.dataareaid AND r.accountnum = c.accountnum
    LEFT JOIN ax.dirperson AS d ON d.recid = t.party
    LEFT JOIN ax.dirpersonname AS n ON n.person = t.party AND n.validto IS NULL
    LEFT JOIN (
        SELECT e.party, {", ".join(f"max(e.recid) FILTER (WHERE {_slot(name)}) AS {name}id" for name in _SLOTS)},
               {", ".join(f"max(e.locator) FILTER (WHERE {_slot(name)}) AS {name}" for name in _SLOTS)},
               max(e.locatorextension) FILTER (WHERE {_slot("phone")}) AS phoneextension
        FROM (SELECT DISTINCT ON (l.party, e.type, e.ismobilephone) l.party, e.recid, e.type, e.ismobilephone,
                     e.locator, e.locatorextension
              FROM thing AS t JOIN ax.dirpartylocation AS l ON l.party = t.party AND l.ispostaladdress = 0
              JOIN ax.logisticselectronicaddress AS e ON e.location = l.location
              WHERE NOT EXISTS (SELECT FROM ax.asynccontactmap AS m WHERE m.logisticselectronicaddress = e.recid)
              ORDER BY l.party, e.type, e.ismobilephone, e.isprimary DESC, e.recid) AS e
        GROUP BY e.party) AS e ON e.party = t.party
"""

_PARTY = f"""
    UPDATE ax.dirpartytable AS p SET name = {changed("custname")}, languageid = {changed("languageid")}
    FROM wanted AS w WHERE p.recid = w.party AND w.changes ?| ARRAY['custname', 'languageid']
"""

_PERSON = f"""
    UPDATE ax.dirperson AS d SET personaltitle = {changed("titlerecordid", cast="::bigint")}
    FROM wanted AS w WHERE d.recid = w.party AND w.changes ? 'titlerecordid'
"""

_PERSON_NAME = f"""
    WITH ended AS (
        UPDATE ax.dirpersonname AS n SET validto = greatest(w.at, n.validfrom + interval '1 microsecond')
        FROM wanted AS w
        WHERE n.person = w.party AND n.validto IS NULL AND w.changes ?| ARRAY['firstname', 'middlename', 'lastname']
        RETURNING n.person, n.validto)
    INSERT INTO ax.dirpersonname (person, firstname, middlename, lastname, validfrom)
    SELECT w.party, {changed("firstname")}, {changed("middlename")}, {changed("lastname")}, coalesce(e.validto, w.at)
    FROM wanted AS w LEFT JOIN ended AS e ON e.person = w.party
    WHERE w.relationshiptype = {RelationType.PERSON} AND w.changes ?| ARRAY['firstname', 'middlename', 'lastname']
    ORDER BY w.party
"""

_ORGANIZATION = f"""
    UPDATE ax.dirorganization AS o SET orgnumber = {changed("organizationid")}
    FROM wanted AS w WHERE o.recid = w.party AND w.changes ? 'organizationid'
"""

_CUSTOMER = f"""
    UPDATE ax.custtable AS c SET {", ".join(f"{name} = {changed(name)}" for name in _ACCOUNT)},
           orgid = {changed("organizationid")}, usepurchrequest = {changed("usepurchrequest", cast="::int")}
    FROM wanted AS w
    WHERE c.dataareaid = :company AND c.accountnum = w.accountnum
      AND {any_changes((*_ACCOUNT, "organizationid", "usepurchrequest"))}
"""

_RETAIL_CUSTOMER = f"""
    INSERT INTO ax.retailcusttable AS r (dataareaid, accountnum, receiptemail, receiptoption, isb2badmin,
                                         deactivateddatetime)
    SELECT :company, w.accountnum, {changed("receiptemail")}, {changed("receiptoption", cast="::int")},
           {changed("isb2badmin", cast="::int")}, CASE WHEN w.changes ->> '{ACTIVE}' = '0' THEN w.at END
    FROM wanted AS w
    WHERE w.changes ?| ARRAY['receiptemail', 'receiptoption', 'isb2badmin', '{ACTIVE}'] ORDER BY w.accountnum
    ON CONFLICT (dataareaid, accountnum) DO UPDATE
    SET receiptemail = excluded.receiptemail, receiptoption = excluded.receiptoption, isb2badmin = excluded.isb2badmin,
        deactivateddatetime = CASE
            WHEN r.accountnum IN (SELECT w.accountnum FROM wanted AS w WHERE w.changes ? '{ACTIVE}')
            THEN excluded.deactivateddatetime ELSE r.deactivateddatetime END
"""

_WANTED_SLOTS = f"""
    CREATE TEMP TABLE slot ON COMMIT DROP AS
    SELECT w.accountnum, w.party, v.id, v.type, v.mobile, v.locator, v.extension, nextval('ax.recid') AS recid
    FROM wanted AS w CROSS JOIN LATERAL (VALUES
        {
    ", ".join(
        f"(w.{name}id, {kind}, {mobile}, {changed(name)}, "
        + (changed("phoneextension") if name == "phone" else "''")
        + ", w.changes ?| ARRAY["
        + ("'phone', 'phoneextension'" if name == "phone" else f"'{name}'")
        + "])"
        for name, (kind, mobile) in _SLOTS.items()
    )
}) AS v (id, type, mobile, locator, extension, changes)
    WHERE v.changes
"""

_CHANGE_SLOTS = """
    UPDATE ax.logisticselectronicaddress AS e SET locator = s.locator, locatorextension = s.extension
    FROM slot AS s WHERE e.recid = s.id AND btrim(s.locator) <> ''
"""

_ADD_SLOTS = """
    WITH location AS (
        INSERT INTO ax.logisticslocation (recid, locationid)
        SELECT recid, recid::text FROM slot WHERE id IS NULL AND btrim(locator) <> '' ORDER BY 1
    ), electronic AS (
        INSERT INTO ax.logisticselectronicaddress (recid, location, type, locator, locatorextension, ismobilephone)
        SELECT recid, recid, type, locator, extension, mobile FROM slot WHERE id IS NULL AND btrim(locator) <> ''
        ORDER BY recid)
    INSERT INTO ax.dirpartylocation (recid, party, location)
    SELECT recid, party, recid FROM slot WHERE id IS NULL AND btrim(locator) <> '' ORDER BY 1
"""

_GONE_SLOTS = "SELECT accountnum, id AS electronic FROM slot WHERE id IS NOT NULL AND btrim(locator) = ''"


def _title_exists(field: str) -> str:
    return f"EXISTS (SELECT FROM ax.dirnameaffix AS a WHERE a.recid::text = {field})"


CUSTOMERS = Edits(
    kind=Kind(
        table="retailasynccustomerv2",
        counted="converted",
        columns="",
        reason="""CASE WHEN s.relationshiptype NOT IN (0, p.instancerelationtype)
                       THEN 'relationshiptype: a customer cannot become ' || CASE s.relationshiptype
                            WHEN 1 THEN 'a person' WHEN 2 THEN 'an organization' ELSE s.relationshiptype::text END
                       ELSE '' END""",
        statements=(),
    ),
    fields=_FIELDS,
    entity="''",
    present=_PRESENT,
    checks=(
        (
            "c.field IN ('custname', 'custgroup', 'currency') AND btrim(c.newvalue) = ''",
            "c.field || ': a customer must have one, the operation blanks it'",
        ),
        (
            """c.field = 'custgroup' AND NOT EXISTS (SELECT FROM ax.custgroup AS g
               WHERE g.dataareaid = :company AND g.custgroup = c.newvalue)""",
            "'custgroup: customer group ' || c.newvalue || ' does not exist in this company'",
        ),
        (
            f"c.field = 'titlerecordid' AND c.newvalue <> '0' AND NOT {_title_exists('c.newvalue')}",
            "'titlerecordid: title ' || c.newvalue || ' is not set up'",
        ),
    ),
    decided=_DECIDED,
    outlives=True,
    statements=(
        _PARTY,
        _PERSON,
        _PERSON_NAME,
        _ORGANIZATION,
        _CUSTOMER,
        _RETAIL_CUSTOMER,
        _WANTED_SLOTS,
        _CHANGE_SLOTS,
        _ADD_SLOTS,
        *primaries.remove_electronic(_GONE_SLOTS),
        *primaries.CONTACTS,
    ),
)
