//! Everything a database keeps, as text: what must not stand there is looked for in it.

use postern_testkit::TestServer;
use tokio_postgres::NoTls;

pub(crate) async fn dump(server: &TestServer) -> String {
    match server.postgres_url() {
        Some(url) => of_postgres(&url).await,
        None => of_sqlite(server),
    }
}

/// The file, and what is not in it yet.
fn of_sqlite(server: &TestServer) -> String {
    let file = server.database_file();
    ["", "-wal"]
        .iter()
        .map(|ending| std::fs::read(format!("{}{ending}", file.display())).unwrap_or_default())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

/// Every row of every table; bytes as they are.
async fn of_postgres(url: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute("SET bytea_output = 'escape'").await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let mut text = String::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let name: String = table.get(0);
        for row in client
            .query(&format!("SELECT t::text FROM {name} t"), &[])
            .await
            .unwrap()
        {
            text.push_str(row.get(0));
            text.push('\n');
        }
    }
    drop(client);
    connection.await.unwrap().unwrap();
    text
}
