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
    let (from, before) = ("j.created_us >= $1", "j.created_us < $2");
    for (direction, cursor, expected) in [
        (Ascending, None, [from, before]),
        (
            Ascending,
            Some("15"),
            ["(j.created_us, j.id) > ($1, $2)", "j.created_us < $3"],
        ),
        (Ascending, Some("5"), [from, before]),
        (
            Descending,
            Some("15"),
            ["j.created_us >= $3", "(j.created_us, j.id) < ($1, $2)"],
        ),
        (Descending, Some("20"), [from, before]),
    ] {
        let mut sql = Sql::default();
        let page = page(direction, cursor);
        let bounds = all(Some(10), Some(20)).bounds(&mut sql, &page, JOBS).unwrap();
        assert_eq!(
            bounds.texts(JOBS, None),
            expected,
            "{direction:?} behind {cursor:?}"
        );
    }
}

#[test]
fn the_rows_of_a_value_lie_between_two_places_of_its_index() {
    let own = Some(("j.state", "$9".to_owned()));
    for (from_us, cursor, expected) in [
        (None, None, ["j.state >= $9", "j.state <= $9"]),
        (
            Some(10),
            None,
            ["(j.state, j.created_us) >= ($9, $1)", "j.state <= $9"],
        ),
        (
            None,
            Some("15"),
            ["j.state >= $9", "(j.state, j.created_us, j.id) < ($9, $1, $2)"],
        ),
    ] {
        let page = page(SortDirection::Descending, cursor);
        let bounds = all(from_us, None)
            .bounds(&mut Sql::default(), &page, JOBS)
            .unwrap();
        assert_eq!(bounds.texts(JOBS, own.as_ref()), expected);
    }
}

fn all(from_us: Option<i64>, before_us: Option<i64>) -> Pages {
    Pages {
        source: JOBS,
        facets: Vec::new(),
        from_us,
        before_us,
        condition: None,
    }
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let page = page(SortDirection::Descending, Some("web-1"));
    assert!(matches!(
        all(None, None).bounds(&mut Sql::default(), &page, JOBS),
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
    let texts = Texts {
        table: "payloads",
        key: "payloads.id",
        condition: "TRUE",
    };
    let found = Part::Of("j.payload_id", texts, Vec::new());
    assert!(!Facet::any(vec![found]).specific());
    assert!(
        Facet::any(vec![Part::these("j.agent_id", Vec::<i64>::new())])
            .parts
            .is_empty()
    );
}
