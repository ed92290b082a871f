//! The task of a stream: reads part after part, and notes how far it is and how it ended.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    sync::Arc,
    time::Duration,
};

use actix_web::web::Bytes;
use parking_lot::Mutex;
use relations::{Export, Proof, RelationName};
use store::EndedExport;
use tokio::{sync::oneshot, task::spawn_blocking, time::sleep};
use uuid::Uuid;

use super::{
    Context,
    body::Part,
    target::{Failure, Target},
};
use crate::{
    metrics,
    refusal::Refusal,
    streams::{NoRoom, Place, Room},
};

/// An export without a sign of life for 15 s counts as broken.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// The end is noted before the body ends, so that a client can ask for the proof at once.
const END_ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// How long a part waits for its turn: what has begun should come to its end.
const TURN_WITHIN: Duration = Duration::from_secs(60);
/// A file is sent in pieces of this size.
const PIECE: usize = 256 << 10;

/// A stream that is being sent.
pub struct Sending {
    context: Context,
    client: String,
    name: RelationName,
    id: Uuid,
    target: Target,
    /// As of the last part.
    proof: Arc<Mutex<Proof>>,
    _place: Place,
}

impl Sending {
    pub fn new(
        context: Context,
        place: Place,
        client: String,
        name: RelationName,
        id: Uuid,
        target: Target,
    ) -> Self {
        Self { context, client, name, id, target, proof: Arc::default(), _place: place }
    }

    /// Sends each part as soon as it is read.
    pub async fn send_parts(mut self, export: Export) {
        *self.proof.lock() = export.proof().clone();
        let (life, gone) = (self.signs_of_life(), self.target.parts.clone());
        let (streams, has_gone) =
            (self.context.streams.clone(), async move { gone.closed().await });
        let sent = tokio::select! {
            sent = self.send_all(export) => sent.map(|()| None),
            () = has_gone => Err(Failure::Gone),
            () = streams.must_end() => Err(Failure::Stop),
            never = life => never,
        };
        self.end(sent).await;
    }

    /// Writes everything into a file, and sends that.
    pub async fn send_file(
        mut self,
        export: Export,
        mut ready: oneshot::Sender<Result<u64, Refusal>>,
    ) {
        *self.proof.lock() = export.proof().clone();
        let (life, streams) = (self.signs_of_life(), self.context.streams.clone());
        let gone = self.target.parts.clone();
        let work = async {
            let written = tokio::select! {
                written = self.write_file(export) => written,
                () = ready.closed() => return Err(Failure::Gone),
            };
            let (file, _room) = match written {
                Ok(written) => written,
                Err(Failure::Refused(refusal)) => {
                    let _ = ready.send(Err(refusal));
                    return Err(Failure::Answered);
                }
                Err(failure) => return Err(failure),
            };
            ready.send(Ok(self.proof.lock().bytes)).map_err(|_| Failure::Gone)?;
            self.send_pieces(file).await.map(Some)
        };
        let sent = tokio::select! {
            sent = work => sent,
            () = async move { gone.closed().await } => Err(Failure::Gone),
            () = streams.must_end() => Err(Failure::Stop),
            never = life => never,
        };
        self.end(sent).await;
    }

    async fn send_all(&mut self, mut export: Export) -> Result<(), Failure> {
        loop {
            let part;
            (export, part) = self.next_part(export).await?;
            let Some(bytes) = part else { return Ok(()) };
            let is_last = export.proof().sha256.is_some();
            self.target.send(bytes, is_last).await?;
        }
    }

    async fn write_file(&mut self, mut export: Export) -> Result<(File, Room), Failure> {
        let directory = self.context.streams.settings().temp_directory.clone();
        let file = spawn_blocking(move || match directory {
            Some(directory) => tempfile::tempfile_in(directory),
            None => tempfile::tempfile(),
        });
        let mut file = file.await.map_err(|_| Refusal::Bug)?.map_err(no_file)?;
        let mut room = self.context.streams.room();
        loop {
            let part;
            (export, part) = self.next_part(export).await?;
            let Some(bytes) = part else { break };
            room.grow(bytes.len() as u64).map_err(|no_room| match no_room {
                NoRoom::Taken => Refusal::Busy,
                NoRoom::TooLarge(most) => {
                    Refusal::Format(format!("The file would have more than {most} bytes."))
                }
            })?;
            let written = spawn_blocking(move || file.write_all(&bytes).map(|()| file));
            file = written.await.map_err(|_| Refusal::Bug)?.map_err(no_file)?;
        }
        let rewound = spawn_blocking(move || file.rewind().map(|()| file));
        Ok((rewound.await.map_err(|_| Refusal::Bug)?.map_err(no_file)?, room))
    }

    /// Sends all pieces except the last one, and returns that: whoever has it has everything, because
    /// the length was announced, so the end is noted first.
    async fn send_pieces(&mut self, mut file: File) -> Result<Vec<u8>, Failure> {
        let mut left = self.proof.lock().bytes;
        loop {
            let read = spawn_blocking(move || {
                let mut piece = Vec::with_capacity(PIECE);
                let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece);
                read.map(|_| (file, piece))
            });
            let piece;
            (file, piece) = read.await.map_err(|_| Refusal::Bug)?.map_err(no_file)?;
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 || piece.is_empty() {
                return Ok(piece);
            }
            self.target.send(piece, false).await?;
        }
    }

    async fn next_part(&self, mut export: Export) -> Result<(Export, Option<Vec<u8>>), Failure> {
        let next = self.context.reads.run_within(TURN_WITHIN, move |store| {
            let part = export.next(store)?;
            Ok::<_, relations::Error>((export, part))
        });
        let (export, part) = next.await?;
        *self.proof.lock() = export.proof().clone();
        Ok((export, part))
    }

    /// Never returns.
    fn signs_of_life(&self) -> impl Future<Output = Result<Option<Vec<u8>>, Failure>> + use<> {
        let (primary, proof, id) = (self.context.primary.clone(), Arc::clone(&self.proof), self.id);
        async move {
            loop {
                sleep(SIGN_OF_LIFE).await;
                let Proof { rows, bytes, last, .. } = proof.lock().clone();
                // While the primary is away, clients cannot ask either.
                let _ =
                    primary.0.run(move |store| store.continue_export(id, rows, bytes, last)).await;
            }
        }
    }

    /// Notes the end, and then ends the body, with these last bytes if there are any.
    async fn end(self, sent: Result<Option<Vec<u8>>, Failure>) {
        let sent = match sent {
            // The last bytes have gone when there is room for the next part.
            Ok(last) => match self.target.parts.reserve().await {
                Ok(room) if self.note_end(true).await => {
                    match last {
                        None => room.send(Part::End),
                        Some(last) => {
                            room.send(Part::Bytes(Bytes::from(last)));
                            // A client that has everything may have gone.
                            let _ = self.target.parts.send(Part::End).await;
                        }
                    }
                    self.context.notes.has_read(&self.client, &self.name, self.proof.lock().bound);
                    Ok(())
                }
                Ok(_) => Err(Failure::Refused(Refusal::Database("export_record"))),
                Err(_) => Err(Failure::Gone),
            },
            Err(failure) => Err(failure),
        };
        metrics::count_stream(if sent.is_ok() { "complete" } else { "broken" });
        let rows = self.proof.lock().rows;
        metrics::count_rows(rows);
        let Err(failure) = sent else { return };
        match failure {
            Failure::Answered => {}
            Failure::Gone => log::info!(rows; "The client of an export has gone."),
            Failure::Stop => log::warn!(rows; "Broke an export off because of the stop."),
            Failure::Refused(refusal) => {
                log::error!(cause = refusal.cause(), rows; "An export broke off.");
            }
        }
        self.note_end(false).await;
    }

    /// Whether it could be noted.
    async fn note_end(&self, is_complete: bool) -> bool {
        let proof = self.proof.lock().clone();
        let ended = EndedExport {
            sha256: proof.sha256.filter(|_| is_complete),
            rows: proof.rows,
            bytes: proof.bytes,
            first_id: proof.first,
            last_id: proof.last,
            guarded_cells: proof.guarded_cells,
        };
        for attempt in 1..=END_ATTEMPTS {
            let (ended, id) = (ended.clone(), self.id);
            let noted = self.context.primary.0.run(move |store| store.end_export(id, &ended)).await;
            if let Ok(noted) = noted {
                return noted;
            }
            if attempt < END_ATTEMPTS {
                sleep(BETWEEN_ATTEMPTS).await;
            }
        }
        false
    }
}

fn no_file(error: std::io::Error) -> Refusal {
    log::error!(error:%; "Cannot use a temporary file: look at READER_TEMP_DIR.");
    Refusal::TempFile
}
