//! Socket to frame: a server on one core sends text frames over loopback, a client on the other takes them. Flat out,
//! the client's processor time a frame and the time between two; paced, one frame every 25 us, from just before the
//! server's write to the frame in the client's hands.

mod clients;
mod ours;
mod seen;
mod server;
mod tls;

use touchline_benches::cores::on_two_cores;
use touchline_link::{Transport, TransportKind, Wait};

use crate::cycles::Cycles;
use crate::error::BenchError;
use crate::race::{Lap, Race};
use crate::recording::Recording;
use crate::row::{Bound, Row};

use seen::Seen;
use server::{Load, Server};
use tls::Authority;

/// The measures of the stage.
const MEASURES: &[&str] = &["CPU flat out", "frame flat out", "paced p50", "paced p99"];

/// The goals, which are asked of the transport for dedicated cores: of which measure, beside whom.
const GOALS: [(&str, &str, Bound); 4] = [
    ("CPU flat out", "bare read", Bound::Within(1.1)),
    ("paced p50", "boomnet", Bound::Within(1.05)),
    ("CPU flat out", "tokio-tungstenite", Bound::Within(0.5)),
    ("paced p50", "tokio-tungstenite", Bound::Within(0.5)),
];

/// The same with TLS.
const TLS_GOALS: [(&str, &str, Bound); 2] = [
    ("CPU flat out", "tokio-tungstenite", Bound::Within(0.6)),
    ("paced p50", "tokio-tungstenite", Bound::Within(0.6)),
];

/// Our transport for dedicated cores.
fn spin() -> Transport {
    Transport { kind: TransportKind::Spin, ..Transport::default() }
}

/// A client: connects to a port, upgrades, and shows every frame to `Seen`.
type Client<'a> = &'a (dyn Fn(u16, Seen) -> Result<Seen, String> + Sync);

/// The stage.
pub fn run(recording: &Recording, cycles: &Cycles, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let payload = &recording.best[0];
    let authority = Authority::new().map_err(|cause| BenchError::Socket { stage: "socket, TLS", cause })?;
    let plain = |client: Client<'_>| lap(payload, None, client, cycles);
    let secure = |client: Client<'_>| lap(payload, Some(&authority), client, cycles);
    for (stage, try_one) in [("socket", plain(&clients::bare)), ("socket, TLS", secure(&authority.tokio()))] {
        try_one.map_err(|cause| BenchError::Socket { stage, cause })?;
    }
    let ours =
        |transport: Transport, wait: Wait| move |port, seen| ours::take(port, seen, false, &transport, wait);
    let (blocking, spinning) =
        (ours(Transport::default(), Wait::Block), ours(Transport::default(), Wait::Spin));
    let mut race = Race::new("socket", MEASURES);
    let fastest = ours(spin(), Wait::Spin);
    race.ours("link, transport spin", || turn(plain(&fastest)));
    GOALS.into_iter().for_each(|(measure, peer, bound)| race.goal(measure, peer, bound));
    race.ours("link, blocking", || turn(plain(&blocking)));
    race.ours("link, polling", || turn(plain(&spinning)));
    race.floor("bare read", || turn(plain(&clients::bare)));
    race.peer("boomnet", || turn(plain(&clients::boomnet)));
    race.peer("tungstenite", || turn(plain(&clients::tungstenite)));
    race.peer("tokio-tungstenite", || turn(plain(&clients::tokio)));
    let mut rows = race.run(rounds);
    rows.extend(with_tls(&authority, &secure, rounds));
    Ok(rows)
}

fn with_tls<'a>(
    authority: &'a Authority,
    secure: &'a dyn Fn(Client<'_>) -> Result<Lap, String>,
    rounds: usize,
) -> Vec<Row> {
    let ours = |transport: Transport, wait: Wait| {
        let transport = Transport { roots: authority.roots(), ..transport };
        move |port, seen| ours::take(port, seen, true, &transport, wait)
    };
    let (blocking, tokio) = (ours(Transport::default(), Wait::Block), authority.tokio());
    let mut race = Race::new("socket, TLS", MEASURES);
    let fastest = ours(spin(), Wait::Spin);
    race.ours("link, transport spin", move || turn(secure(&fastest)));
    TLS_GOALS.into_iter().for_each(|(measure, peer, bound)| race.goal(measure, peer, bound));
    race.ours("link, blocking", || turn(secure(&blocking)));
    race.peer("tokio-tungstenite", move || turn(secure(&tokio)));
    race.run(rounds)
}

/// A lap that failed has no figures: a port may be gone for once.
fn turn(lap: Result<Lap, String>) -> Lap {
    lap.unwrap_or_else(|cause| {
        eprintln!("socket: {cause}");
        Lap { figures: vec![f64::NAN; MEASURES.len()], is_quiet: false }
    })
}

fn lap(
    payload: &[u8],
    authority: Option<&Authority>,
    client: Client<'_>,
    cycles: &Cycles,
) -> Result<Lap, String> {
    let ticks = cycles.ticks();
    let one = |load: Load| {
        let server = Server::bind(payload, load, ticks, authority.map(Authority::server))?;
        let (port, seen) = (server.port(), Seen::new(load, payload.len(), ticks.clone()));
        let ran = on_two_cores(move || server.run(), move || client(port, seen));
        ran.first.map_err(|error| format!("server: {error}"))?;
        Ok::<_, String>((ran.second?, ran.is_quiet))
    };
    let (flat, flat_quiet) = one(Load::FLAT)?;
    let (mut paced, paced_quiet) = one(Load::paced(ticks))?;
    let [cpu, frame] = flat.each_ns();
    let [p50, p99] = cycles.percentiles(&mut paced.times, [0.5, 0.99]);
    Ok(Lap { figures: vec![cpu, frame, p50, p99], is_quiet: flat_quiet && paced_quiet })
}
