//! The queues that this process has created: if a name, a prefix or the region is misspelt, these are a new pair that
//! nobody else uses, and the forms on it are never stored.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use service::status::Fact;

use crate::metrics;

/// The names of the queues that this process has created. Clones share them.
#[derive(Clone, Default)]
pub struct CreatedQueues(Arc<Mutex<BTreeSet<String>>>);

impl CreatedQueues {
    /// The names, for the status page.
    pub fn fact(&self) -> Fact {
        let names = Arc::clone(&self.0);
        Arc::new(move || {
            let names: Vec<String> = names.lock().iter().cloned().collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Box::pin(async move { names.into() })
        })
    }

    /// Records a queue, counts it, and logs it; on Amazon that is a warning.
    pub(crate) fn record(&self, name: &str, url: &str, region: &str) {
        self.0.lock().insert(name.to_owned());
        metrics::count_created_queue();
        match account_on_amazon(url) {
            Some(account) => log::warn!(
                queue = name, region, account;
                "Created a queue that was missing, on Amazon. If it should have been there, a name, a prefix, the region \
                 or the account is wrong: nobody reads this queue."
            ),
            None => log::info!(queue = name; "Created a queue that was missing."),
        }
    }
}

/// The account in a queue's URL, `None` if the queue is not on Amazon.
fn account_on_amazon(url: &str) -> Option<&str> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let is_amazon = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    path.split('/').next().filter(|_| is_amazon)
}

#[cfg(test)]
mod tests {
    use super::account_on_amazon;

    #[test]
    fn only_urls_of_amazon_have_an_account() {
        for (url, account) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/forms", Some("123456789012")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/forms", Some("123456789012")),
            ("http://127.0.0.1:9324/000000000000/forms", None),
            ("https://amazonaws.com.example.org/123456789012/forms", None),
            ("forms", None),
        ] {
            assert_eq!(account_on_amazon(url), account, "{url}");
        }
    }
}
