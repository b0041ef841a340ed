"""Where other machines are, as everybody says together."""

from pathlib import Path

from corral.app.cluster.contacts import Contacts
from corral.peers.address import Address
from corral.peers.cluster.members import Members
from corral.peers.discovery.address_book import AddressBook
from corral.peers.discovery.announcement import Announcement
from corral.peers.identity.identity import load_identity

AT, ELSEWHERE = Address("192.0.2.1", 32769), Address("192.0.2.2", 32769)


def test_where_a_member_proved_itself_outlives_its_goodbye(tmp_path: Path) -> None:
    me, other = load_identity(tmp_path / "me"), load_identity(tmp_path / "other")
    contacts = Contacts(members=Members(introduced=[other.certificate]), book=AddressBook(me.node))
    contacts.book.set_members([me.node, other.node])
    said = Announcement(
        version=1, node=other.node, boot="0" * 16, cluster=None, peer_port=32769, front_port=32768
    )
    contacts.book.hear(said, [AT, ELSEWHERE], 1.0)
    contacts.proven(other.node, AT)
    contacts.book.leave(other.node)
    assert contacts.addresses(other.node) == (AT,)
    assert contacts.book.snapshot() == {other.node: [str(AT)]}


def test_a_written_address_belongs_to_whom_it_proved(tmp_path: Path) -> None:
    me, other = load_identity(tmp_path / "me"), load_identity(tmp_path / "other")
    contacts = Contacts(members=Members(introduced=[other.certificate]), book=AddressBook(me.node))
    contacts.book.set_members([other.node])
    contacts.written = (AT,)
    contacts.book.set_manual(contacts.written)
    assert [each.node for each in contacts.book.candidates()] == [other.node, None]
    contacts.proven(other.node, AT)
    assert [each.node for each in contacts.book.candidates()] == [other.node]
