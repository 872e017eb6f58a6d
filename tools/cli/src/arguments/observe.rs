//! Arguments of what a running command shows of itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// What a running command shows of itself. Where a configuration says it too, this comes first.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Observe {
    /// Serve /metrics, /live and /ready on this address of this machine, e.g. 127.0.0.1:9464; port 0 is any.
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Write the stage latencies there each second, as a HdrHistogram interval log; `touchline latency` compares such.
    #[arg(long, value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,
    /// Write a log to standard error: error, warn, info, debug or trace [default: TOUCHLINE_LOG, else
    /// the configuration's, else off].
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// Write it as JSON lines.
    #[arg(long)]
    pub(crate) log_json: bool,
}
