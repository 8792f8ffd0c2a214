//! An answer of any size, read as it comes. What ends it early is a broken connection or silence; how long it is and how
//! long it takes altogether does not matter.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use reqwest::{Response, Url};

use crate::Error;

/// Whoever has more to send sends it sooner.
const SILENT_FOR: Duration = Duration::from_secs(60);

type Pieces = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// A file that the server is sending. It is whole when the last piece was followed by `None`, and only then.
pub struct Download {
    url: Url,
    pieces: Pieces,
    silent_for: Duration,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Download {
    pub(crate) fn new(url: Url, response: Response) -> Self {
        Self {
            url,
            pieces: Box::pin(response.bytes_stream()),
            silent_for: SILENT_FOR,
        }
    }

    /// The next piece; `None` behind the last one. After an error what came is not whole, and the rest does not come.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(self.silent_for, self.pieces.next()).await {
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(Some(Err(error))) => Err(Error::transport(&self.url, &error)),
            Ok(None) => Ok(None),
            Err(_) => Err(Error::silent(&self.url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_download_of_which_nothing_more_comes_is_an_error() {
        let mut download = Download {
            url: Url::parse("https://postern.example").unwrap(),
            pieces: Box::pin(futures_util::stream::pending()),
            silent_for: Duration::ZERO,
        };
        let error = download.next().await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(error.to_string().contains("went silent"), "{error}");
    }
}
