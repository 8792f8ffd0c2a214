//! What uses an object and would miss it.

crate::wire! {
    #[derive(Eq)]
    pub struct NamedUser {
        /// `script`, `action` or `schedule`.
        pub kind: String,
        pub id: i64,
        pub name: String,
    }
}
