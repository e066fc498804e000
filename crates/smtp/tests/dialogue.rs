//! The dialogues of `tests/dialogues`, one test for each file.

mod harness;

macro_rules! dialogues {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            harness::run(include_str!(concat!("dialogues/", stringify!($name), ".txt")));
        })*
    };
}

dialogues! {
   greeting order mail recipient data chunks smuggling authentication encryption lmtp local limits
}
