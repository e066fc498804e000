//! Items that belong together: found when they come, kept for good, made anew when lost.

use crate::world::*;
use store::id::{ConversationId, FolderId};
use store::model::{NewItem, Reads, Receipt, check};

fn put(fixture: &Fixture, folder: FolderId, names: &[u64]) -> Receipt {
    let new = NewItem {
        names: names.to_vec(),
        ..NewItem::mail(folder)
    };
    fixture.write(|txn| txn.insert_item(ACCOUNT, &new)).unwrap()
}

fn conversation(fixture: &Fixture, item: Receipt) -> ConversationId {
    let details = view(fixture).details(ACCOUNT, item.item).unwrap().unwrap();
    details.conversation_of(item.item)
}

#[test]
fn an_item_joins_the_conversation_of_the_first_name_that_is_known() {
    let fixture = Fixture::new();
    let folder = folder(&fixture, "a");
    let first = put(&fixture, folder, &[1]);
    let answer = put(&fixture, folder, &[2, 1]);
    let apart = put(&fixture, folder, &[]);
    let other = put(&fixture, folder, &[9]);
    // Names behind the third are looked up, but lead nobody.
    let late = put(&fixture, folder, &[3, 4, 5, 2]);
    let none = put(&fixture, folder, &[6, 7, 8, 10]);
    let of_none = put(&fixture, folder, &[11, 10]);
    let id = conversation(&fixture, first);
    assert_eq!(id.0, first.item.0);
    for item in [answer, late] {
        assert_eq!(conversation(&fixture, item), id);
    }
    for item in [apart, other, none, of_none] {
        assert_eq!(conversation(&fixture, item).0, item.item.0);
    }
    // Two that are joined later stay two.
    let both = put(&fixture, folder, &[12, 9, 1]);
    assert_eq!(conversation(&fixture, both).0, other.item.0);
    assert_eq!(conversation(&fixture, first), id);
    let items = view(&fixture).conversation_items(ACCOUNT, id).unwrap();
    assert_eq!(items, [first.item, answer.item, late.item]);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn copies_stay_with_their_originals_and_what_is_purged_leaves_no_trace() {
    let fixture = Fixture::new();
    let (a, b) = (folder(&fixture, "a"), folder(&fixture, "b"));
    let first = put(&fixture, a, &[1]);
    let plain = put(&fixture, a, &[]);
    let copies = [first, plain].map(|item| {
        let copied = fixture.write(|txn| txn.copy_item(ACCOUNT, item.at, ACCOUNT, b));
        copied.unwrap()
    });
    assert_eq!(
        conversation(&fixture, copies[0]),
        conversation(&fixture, first)
    );
    assert_eq!(
        conversation(&fixture, copies[1]),
        conversation(&fixture, plain)
    );
    let id = conversation(&fixture, first);
    fixture
        .write(|txn| txn.purge_item(ACCOUNT, first.at))
        .unwrap();
    // The copy leads others on.
    let answer = put(&fixture, a, &[2, 1]);
    assert_eq!(conversation(&fixture, answer), id);
    let items = view(&fixture).conversation_items(ACCOUNT, id).unwrap();
    assert_eq!(items, [copies[0].item, answer.item]);
    for item in [copies[0], copies[1], answer, plain] {
        fixture
            .write(|txn| txn.purge_item(ACCOUNT, item.at))
            .unwrap();
    }
    let again = put(&fixture, a, &[1, 2]);
    assert_eq!(conversation(&fixture, again).0, again.item.0);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}
