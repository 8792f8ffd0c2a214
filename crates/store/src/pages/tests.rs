use super::*;
use crate::Cursor;

const JOBS: Source = Source {
    from: "jobs j",
    id: "j.id",
    moment: "j.created_us",
    join: None,
};

fn page(direction: SortDirection, cursor: Option<&str>) -> ListQuery {
    let cursor = cursor.map(|key| Cursor {
        key: key.into(),
        id: 9,
    });
    ListQuery {
        limit: 50,
        cursor,
        direction,
    }
}

#[test]
fn of_each_side_only_the_tighter_bound_is_asked_for() {
    use SortDirection::{Ascending, Descending};
    let after = "(j.created_us, j.id) > ($1, $2)";
    let behind = "(j.created_us, j.id) < ($1, $2)";
    for (direction, cursor, expected) in [
        (Ascending, None, vec!["j.created_us >= $1", "j.created_us < $2"]),
        (Ascending, Some("15"), vec![after, "j.created_us < $3"]),
        (
            Ascending,
            Some("5"),
            vec!["j.created_us >= $1", "j.created_us < $2"],
        ),
        (Descending, Some("15"), vec![behind, "j.created_us >= $3"]),
        (
            Descending,
            Some("20"),
            vec!["j.created_us >= $1", "j.created_us < $2"],
        ),
    ] {
        let pages = Pages {
            source: JOBS,
            facets: Vec::new(),
            from_us: Some(10),
            before_us: Some(20),
            condition: None,
        };
        let mut sql = Sql::default();
        let bounds = pages.bounds(&mut sql, &page(direction, cursor), JOBS).unwrap();
        assert_eq!(bounds, expected, "{direction:?} behind {cursor:?}");
    }
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let pages = Pages {
        source: JOBS,
        facets: Vec::new(),
        from_us: None,
        before_us: None,
        condition: None,
    };
    let page = page(SortDirection::Descending, Some("web-1"));
    assert!(matches!(
        pages.bounds(&mut Sql::default(), &page, JOBS),
        Err(Error::Cursor)
    ));
}

#[test]
fn values_keep_their_numbers() {
    let mut sql = Sql::default();
    assert_eq!(sql.bind(1_i64.into()), "$1");
    assert_eq!(
        sql.fill("a = ? OR b = ?", &[2_i64.into(), 3_i64.into()]),
        "a = $2 OR b = $3"
    );
    assert_eq!(sql.values, [1_i64, 2, 3].map(Value::from));
}

#[test]
fn a_facet_of_many_values_is_not_specific() {
    let values = |count: i64| Facet::new("j.agent_id", 0..count);
    assert!(values(64).specific() && !values(65).specific());
    let found = Part::Of("j.payload_id", "SELECT 1", Vec::new());
    assert!(!Facet::any(vec![found]).specific());
    assert!(
        Facet::any(vec![Part::these("j.agent_id", Vec::<i64>::new())])
            .parts
            .is_empty()
    );
}
