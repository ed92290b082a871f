//! The invariant of any request: it is good only if the client signed exactly this request.
//! `make fuzz` tries it with the requests that the fuzzer generates.

use std::{str::FromStr, sync::LazyLock};

use hawk_auth::Clients;

use crate::sent::{KEY, NOW, Sent};

static SIGNED: LazyLock<Sent> = LazyLock::new(|| Sent::default().signed());
static CLIENTS: LazyLock<Clients> = LazyLock::new(|| Clients::parse(&format!("ui:{KEY}")).unwrap());

/// Checks a request. `input` has `Authorization`, method, path and query, host, port and media
/// type, each on its own line, and then the body.
pub fn check_request(input: &[u8]) {
    let mut lines = input.splitn(7, |byte| *byte == b'\n');
    let authorization = lines.next();
    let mut text = || lines.next().and_then(|line| str::from_utf8(line).ok());
    let (Some(method), Some(path_and_query), Some(host), Some(port), Some(content_type)) =
        (text(), text(), text(), text().and_then(|port| port.parse().ok()), text())
    else {
        return;
    };
    let body = lines.next().unwrap_or_default();
    let head = hawk_auth::Head { authorization, method, path_and_query, host, port };
    let request = hawk_auth::Request { head, content_type, body };
    // A new verifier, which has not seen any nonce.
    let verifier = hawk_auth::Verifier::new(CLIENTS.clone(), 1.try_into().unwrap());
    match verifier.verify(&request, NOW) {
        Ok(verified) => {
            // The request is exactly the signed one; only order and spaces of the attributes may
            // differ.
            assert_eq!(verified.client_id(), "ui");
            assert!(
                method.eq_ignore_ascii_case(&SIGNED.method)
                    && host.eq_ignore_ascii_case(&SIGNED.host)
            );
            assert_eq!(
                (path_and_query, port, body),
                (SIGNED.path_and_query.as_str(), SIGNED.port, &SIGNED.body[..])
            );
            let media_type = content_type.split(';').next().unwrap().trim();
            assert!(media_type.eq_ignore_ascii_case(&SIGNED.content_type));
            assert_eq!(
                attributes(authorization.unwrap()),
                attributes(SIGNED.authorization.as_ref().unwrap().as_bytes())
            );
            let again = verifier.verify(&request, NOW).unwrap_err();
            assert_eq!(again.code(), "nonce_seen");
            assert_printable(&verified.server_authorization(content_type, body));
        }
        Err(refusal) => assert_printable(&refusal.www_authenticate()),
    }
}

/// The attributes as the crate `hawk` reads them; an empty attribute counts as absent.
fn attributes(authorization: &[u8]) -> [Option<String>; 8] {
    let header =
        hawk::Header::from_str(str::from_utf8(&authorization[4..]).unwrap().trim()).unwrap();
    let ts = header.ts.map(|ts| format!("{ts:?}"));
    let [mac, hash] =
        [header.mac.map(|mac| format!("{mac:?}")), header.hash.map(|hash| format!("{hash:?}"))];
    [header.id, ts, header.nonce, mac, hash, header.ext, header.app, header.dlg]
        .map(|value| value.filter(|value| !value.is_empty()))
}

fn assert_printable(value: &str) {
    assert!(
        value.starts_with("Hawk") && value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{value}"
    );
}

/// A good request, in the format that [`check_request`] reads.
pub fn good_request() -> Vec<u8> {
    let Sent { authorization, method, path_and_query, host, port, content_type, body, .. } =
        &*SIGNED;
    let authorization = authorization.as_ref().unwrap();
    let head =
        format!("{authorization}\n{method}\n{path_and_query}\n{host}\n{port}\n{content_type}\n");
    [head.as_bytes(), body].concat()
}
