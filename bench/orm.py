"""The peer of the conversion: the loop one writes with an ORM, written well.

Customer by customer, each in a savepoint, because a bad one must not stop the others. Staging rows are loaded by the
thousand with what belongs to them, everything that is the same for all is loaded once, and a thousand customers make
one commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session, relationship

from bench.installation import engine
from commerce.schema.enums import ContactType, RelationType, SyncStatus
from commerce.schema.headquarters import customers as c
from commerce.schema.headquarters import exchange as x
from commerce.schema.headquarters import organization as o
from commerce.schema.headquarters.uploads import UPLOADS

AT_ONCE = 1_000


class Entity(DeclarativeBase):
    """A mapped class takes its columns from the table of the schema."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


class Party(Entity):
    __table__ = c.PARTY


class Person(Entity):
    __table__ = c.PERSON
    party = relationship(Party)


class PersonName(Entity):
    __table__ = c.PERSON_NAME
    owner = relationship(Person)


class Organization(Entity):
    __table__ = c.ORGANIZATION
    party = relationship(Party)


class Location(Entity):
    __table__ = c.LOCATION


class Electronic(Entity):
    __table__ = c.ELECTRONIC_ADDRESS
    place = relationship(Location)


class Postal(Entity):
    __table__ = c.POSTAL_ADDRESS
    place = relationship(Location)


class PartyLocation(Entity):
    __table__ = c.PARTY_LOCATION
    owner = relationship(Party)
    place = relationship(Location)


class Customer(Entity):
    __table__ = c.CUSTOMER
    owner = relationship(Party)


class RetailCustomer(Entity):
    __table__ = c.RETAIL_CUSTOMER
    customer = relationship(Customer)


class GuidMap(Entity):
    __table__ = c.GUID_MAP
    customer = relationship(Customer)


class AddressMap(Entity):
    __table__ = c.ADDRESS_MAP
    customer = relationship(Customer)
    postal = relationship(Postal)


class Affiliation(Entity):
    __table__ = c.CUSTOMER_AFFILIATION
    customer = relationship(Customer)


class AttributeValue(Entity):
    __table__ = c.CUSTOMER_ATTRIBUTE
    customer = relationship(Customer)


class Outbox(Entity):
    __table__ = x.OUTBOX
    customer = relationship(Customer)


class NumberSequence(Entity):
    __table__ = o.NUMBER_SEQUENCE


class _Staged(Entity):
    __abstract__ = True


def _staged(table: str) -> Any:
    """The class of a staging table; its rows are known by their record id."""
    made = UPLOADS[table]
    return type(table, (_Staged,), {"__table__": made, "__mapper_args__": {"primary_key": [made.c.recid]}})


AsyncCustomer = _staged("retailasynccustomerv2")
AsyncAddress = _staged("retailasyncaddressv2")
AsyncContact = _staged("retailasynccustomercontact")
AsyncAffiliation = _staged("retailasynccustomeraffiliation")
AsyncAttribute = _staged("retailasynccustomerattributev2")
DEPENDENTS = (AsyncAddress, AsyncContact, AsyncAffiliation, AsyncAttribute)


def convert(url: str, limit: int) -> int:
    """Convert the first `limit` pending customers; returns how many it did."""
    done = 0
    with engine(url) as hq, Session(hq, expire_on_commit=False) as session:
        defaults = _Defaults(session)
        while done < limit:
            pending = sa.select(AsyncCustomer).where(AsyncCustomer.syncstatus == SyncStatus.PENDING)
            customers = session.scalars(
                pending.order_by(AsyncCustomer.custaccountasync).limit(min(AT_ONCE, limit - done))
            ).all()
            if not customers:
                break
            belongings = _belongings(session, [row.custaccountasync for row in customers])
            for row in customers:
                with session.begin_nested():
                    if session.get(GuidMap, (row.dataareaid, row.custaccountasync)) is None:
                        _Conversion(session, defaults, row).run(belongings[row.custaccountasync])
            session.commit()
            session.expunge_all()
            defaults = _Defaults(session)
            done += len(customers)
    return done


def _belongings(session: Session, guids: Sequence[str]) -> defaultdict[str, list[Any]]:
    """Pending rows of the other tables by GUID."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for kind in DEPENDENTS:
        query = sa.select(kind).where(kind.custaccountasync.in_(guids), kind.syncstatus == SyncStatus.PENDING)
        for row in session.scalars(query.order_by(kind.recid)):
            found[row.custaccountasync].append(row)
    return found


class _Defaults:
    """What is the same for all customers: number sequences (locked until the commit), groups, data groups."""

    def __init__(self, session: Session) -> None:
        sequences = session.scalars(sa.select(NumberSequence).with_for_update()).all()
        self.sequences = {row.numbersequence: row for row in sequences}
        groups = session.execute(sa.select(o.CUSTOMER_GROUP)).all()
        self.groups = {row.custgroup: row for row in groups}
        self.data_groups = session.scalars(sa.select(x.DATA_GROUP.c.recid)).all()
        reference = o.NUMBER_SEQUENCE_REFERENCE
        self.sequence: str = session.execute(
            sa.select(reference.c.numbersequence).where(reference.c.reference == "CustomerAccount")
        ).scalar_one()
        default = session.execute(
            sa.select(c.CUSTOMER.c.custgroup, c.CUSTOMER.c.currency, c.CUSTOMER.c.dataareaid).limit(1)
        ).one()
        self.group, self.currency = default.custgroup, default.currency
        self.country: str = session.execute(sa.select(o.COMPANY.c.countryregionid)).scalar_one()
        self.recids = _recids(session)


def _recids(session: Session) -> Iterator[int]:
    """Record ids, fetched by the thousand."""
    while True:
        yield from session.scalars(sa.text(f"SELECT nextval('ax.recid') FROM generate_series(1, {AT_ONCE})")).all()


class _Conversion:
    """One customer with all that belongs to it."""

    def __init__(self, session: Session, defaults: _Defaults, row: Any) -> None:
        self._session = session
        self._defaults = defaults
        self._row = row

    def run(self, belongings: Sequence[Any]) -> None:
        row = self._row
        self._party()
        self._customer()
        for one in belongings:
            if isinstance(one, AsyncAddress):
                self._address(one)
            elif isinstance(one, AsyncContact):
                self._electronic(one.contacttype, one.locator, primary=0)
            elif isinstance(one, AsyncAffiliation):
                self._add(Affiliation(customer=self.customer, retailaffiliationid=one.retailaffiliationid))
            else:
                self._add(
                    AttributeValue(
                        customer=self.customer,
                        attribute=one.attributerecid,
                        attributedatatype=one.attributedatatype,
                        textvalue=one.attributevaluestring,
                    )
                )
        for staged in (row, *belongings):
            staged.syncstatus, staged.onlineoperationcompleted = int(SyncStatus.DONE), 1
            staged.syncdatetime = datetime.now(UTC)

    def _add(self, entity: Any) -> Any:
        self._session.add(entity)
        return entity

    def _party(self) -> None:
        row = self._row
        party = self.party = Party(
            recid=next(self._defaults.recids),
            instancerelationtype=row.relationshiptype,
            name=row.custname,
            languageid=row.languageid,
        )
        party.partynumber = str(party.recid)
        if row.relationshiptype == RelationType.PERSON:
            person = Person(party=party, personaltitle=row.titlerecordid)
            names = {"firstname": row.firstname, "middlename": row.middlename, "lastname": row.lastname}
            self._add(PersonName(owner=person, validfrom=row.createddatetime, **names))
        else:
            self._add(Organization(party=party, orgnumber=row.organizationid))
        if row.phone:
            party.primarycontactphone = self._electronic(ContactType.PHONE, row.phone)
        if row.cellularphone:
            self._electronic(ContactType.PHONE, row.cellularphone, primary=int(not row.phone), mobile=1)
        if row.email:
            party.primarycontactemail = self._electronic(ContactType.EMAIL, row.email)

    def _location(self, **values: Any) -> Any:
        recid = next(self._defaults.recids)
        return Location(recid=recid, locationid=str(recid), **values)

    def _electronic(self, kind: int, locator: str, *, primary: int = 1, mobile: int = 0) -> Any:
        place = self._location()
        self._add(PartyLocation(owner=self.party, place=place))
        values = {"type": int(kind), "locator": locator, "isprimary": primary, "ismobilephone": mobile}
        self._add(Electronic(recid=place.recid, place=place, **values))
        return place.recid

    def _customer(self) -> None:
        row, defaults = self._row, self._defaults
        group = defaults.groups[row.custgroup or defaults.group]
        sequence = defaults.sequences[group.custaccountnumseq or defaults.sequence]
        digits = sequence.format.count("#")
        account = sequence.format.replace("#" * digits, f"{sequence.nextrec:0{digits}}")
        sequence.nextrec += 1
        key = {"dataareaid": row.dataareaid, "accountnum": account}
        self.customer = Customer(
            **key,
            owner=self.party,
            custgroup=group.custgroup,
            currency=row.currency or defaults.currency,
            taxgroup=row.taxgroup or group.taxgroupid,
            paymtermid=group.paymtermid,
            defaultdimension=group.defaultdimension,
        )
        guid = row.custaccountasync
        receipt = {"receiptemail": row.receiptemail, "receiptoption": row.receiptoption}
        self._add(RetailCustomer(customer=self.customer, custaccountasync=guid, **receipt))
        origin = {"origin": row.origin, "mappedby": "orm"}
        self._add(GuidMap(customer=self.customer, custaccountasync=guid, mappedhow="created", **origin))
        for data_group in defaults.data_groups:
            self._add(Outbox(customer=self.customer, datagroup=data_group))

    def _address(self, row: Any) -> None:
        place = self._location(ispostaladdress=1, description=row.custname)
        country = row.country or self._defaults.country
        fields = {name: getattr(row, name) for name in ("street", "streetnumber", "city", "county", "state")}
        postal = Postal(
            place=place,
            zipcode=row.zip,
            countryregionid=country,
            address=f"{row.street} {row.streetnumber}\n{row.city}\n{country}",
            validfrom=row.createddatetime,
            **fields,
        )
        self._add(PartyLocation(owner=self.party, place=place, ispostaladdress=1, isprimary=1, isrolehome=1))
        origin = {"origin": row.origin, "mappedby": "orm"}
        self._add(AddressMap(customer=self.customer, postal=postal, addressid=row.addressid, **origin))
