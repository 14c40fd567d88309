//! Against clients that send a request head byte by byte, or nothing at all (slowloris), and those
//! that never read their answer.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Version;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// The longest a peer may take no byte of what we have for it.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// The longest we listen to a body that was refused, so that its sender can read why.
const LINGER_WAIT: Duration = Duration::from_secs(2);
/// The most we listen to of it, in bytes.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much of it is read at once, in bytes.
const LINGER_PIECE_BYTES: usize = 16 * 1024;

/// How the requests of a connection come along; shared by what reads bytes and what sees requests.
#[derive(Debug)]
pub(super) struct Pace {
    begun: AtomicU64,
    in_flight: AtomicUsize,
    /// HTTP/2 and upgraded connections have bytes without requests, and limits of their own.
    free: AtomicBool,
    /// The last request was refused, perhaps with a part of its body still on the way.
    refused: AtomicBool,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            free: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }
    }

    /// Whether the request just answered was refused though it came with a body.
    pub(super) fn answered(&self, refused_with_body: bool) {
        self.refused.store(refused_with_body, Ordering::Relaxed);
    }

    /// A request's head is complete. It is in flight until the answer is made.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        if version == Version::HTTP_2 {
            self.free.store(true, Ordering::Relaxed);
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }
}

/// That a request's body is still being read. A connection gives each request one; whoever goes on
/// reading while the answer is on its way already holds it until the end, so that the body is not
/// taken for a slow head of the next request.
#[derive(Debug, Clone)]
pub struct Reading(Arc<InFlight>);

impl Reading {
    pub(super) fn new(in_flight: InFlight) -> Self {
        Self(Arc::new(in_flight))
    }

    /// The connection becomes something else than HTTP.
    pub(super) fn upgrade(&self) {
        self.0.upgrade();
    }
}

/// A request whose answer is not made yet.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Pace>);

impl InFlight {
    fn upgrade(&self) {
        self.0.free.store(true, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that fails when a request head does not become complete in time.
pub(super) struct Guarded {
    socket: TcpStream,
    wait: Duration,
    pace: Arc<Pace>,
    /// When the head that has begun must be complete, and how many requests came before it.
    due: Option<(Instant, u64)>,
    alarm: Option<Pin<Box<Sleep>>>,
    stall: Option<Pin<Box<Sleep>>>,
    /// Until when, and for how many bytes, what still arrives is read and thrown away.
    linger: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Guarded {
    /// The first head is due from the start.
    pub(super) fn new(socket: TcpStream, wait: Duration, pace: Arc<Pace>) -> Self {
        let due = Some((Instant::now() + wait, 0));
        Self { socket, wait, pace, due, alarm: None, stall: None, linger: None }
    }

    /// Whether the head that has begun is overdue.
    fn overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((due, before)) = self.due else { return false };
        if self.pace.begun.load(Ordering::Relaxed) != before || self.pace.free.load(Ordering::Relaxed) {
            self.due = None;
            return false;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if alarm.deadline() != due {
            alarm.as_mut().reset(due);
        }
        alarm.as_mut().poll(cx).is_ready()
    }

    /// Whatever a write came to, unless the peer has taken nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + WRITE_STALL_MAX)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// After our last byte, listens on to the rest of a body that was refused. Closed with bytes
    /// unread, a connection is reset, and the reset overtakes the answer that says what was wrong.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.pace.refused.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        let (until, left) =
            self.linger.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER_WAIT)), LINGER_BYTES_MAX));
        let mut piece = [0; LINGER_PIECE_BYTES];
        while *left > 0 && until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// Bytes came: when no request is in flight, they begin a head.
    fn arrived(&mut self) {
        if self.due.is_none()
            && self.pace.in_flight.load(Ordering::Relaxed) == 0
            && !self.pace.free.load(Ordering::Relaxed)
        {
            self.due = Some((Instant::now() + self.wait, self.pace.begun.load(Ordering::Relaxed)));
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.overdue(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.arrived();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}
