//! API tokens. Only their hashes are stored.

use postern_domain::{TenantId, Timestamp, TokenId, UserId, permission::Reach};

use crate::{
    Error, ListQuery, Tx,
    engine::{Value, record, values},
    list::{Key, Select, contains, marks},
};

record! {
    pub struct Token {
        pub id: TokenId,
        pub user_id: UserId,
        pub username: String,
        pub tenant_id: TenantId,
        pub name: String,
        /// JSON list; `None`: everything its user may do.
        pub permissions: Option<String>,
        pub created: Timestamp,
        pub expires: Timestamp,
        pub last_used: Option<Timestamp>,
    }
}

macro_rules! token_columns {
    () => {
        "t.id, t.user_id, u.username, u.tenant_id, t.name, t.permissions, t.created_us, t.expires_us, t.last_used_us"
    };
}

#[derive(Debug, Clone)]
pub struct NewToken {
    pub user: UserId,
    pub name: String,
    pub hash: String,
    pub permissions: Option<String>,
    pub expires: Timestamp,
}

pub async fn token_create(tx: &mut Tx<'_>, token: NewToken, now: Timestamp) -> Result<TokenId, Error> {
    let sql = "INSERT INTO tokens (user_id, name, hash, permissions, created_us, expires_us)
               VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    let values = values![
        token.user,
        token.name,
        token.hash,
        token.permissions,
        now,
        token.expires
    ];
    tx.insert(sql, &values).await.map(TokenId)
}

pub async fn token_by_hash(tx: &mut Tx<'_>, hash: &str, now: Timestamp) -> Result<Option<Token>, Error> {
    let sql = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1 AND t.expires_us > $2"
    );
    tx.query_opt(sql, &values![hash, now])
        .await?
        .map(Token::from_row)
        .transpose()
}

pub async fn token_find(tx: &mut Tx<'_>, id: TokenId) -> Result<Option<Token>, Error> {
    let sql = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.id = $1"
    );
    tx.query_opt(sql, &values![id])
        .await?
        .map(Token::from_row)
        .transpose()
}

/// Everyone sees their own tokens; whoever manages users sees those of the tenant.
/// `search` looks into the names of tokens and of their owners.
pub async fn token_list(
    tx: &mut Tx<'_>,
    own: UserId,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Token>, Error> {
    let head = concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t JOIN users u ON u.id = t.user_id"
    );
    let mut select = Select::new(head);
    if !reach.everywhere {
        // Tenant ids start at 1: the 0 keeps the list from being empty.
        let tenants = [Value::Int(0)]
            .into_iter()
            .chain(reach.tenants.iter().copied().map(Value::from));
        let (marks, tenants) = marks(tenants);
        let condition = format!("t.user_id = ? OR u.tenant_id IN ({marks})");
        select.and(&condition, [Value::from(own)].into_iter().chain(tenants));
    }
    if let Some(text) = search {
        let pattern = contains(text);
        let condition = "lower(t.name) LIKE ? ESCAPE '\\' OR lower(u.username) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Id, "t.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Token::from_row)
        .collect()
}

pub async fn token_used(tx: &mut Tx<'_>, id: TokenId, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE tokens SET last_used_us = $2 WHERE id = $1",
        &values![id, now],
    )
    .await
    .map(|_| ())
}

pub async fn token_delete(tx: &mut Tx<'_>, id: TokenId) -> Result<(), Error> {
    tx.execute("DELETE FROM tokens WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}
