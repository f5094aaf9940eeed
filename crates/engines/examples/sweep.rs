//! Sweeps ports of 127.0.0.1 and prints the open ones and the time: `sweep 1-2023,2025-65535`.

use scanyard_engines::ports::Ports;
use scanyard_engines::sentinel::sweep::{Event, Plan, sweep};
use std::net::Ipv4Addr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<()> {
    let text = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: sweep PORTS"))?;
    let ports = Ports::parse(&text).map_err(anyhow::Error::msg)?;
    let plan = Plan {
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        ports: ports.iter().collect(),
        timeout: Duration::from_millis(1500),
        max_rate: None,
    };
    let mut open = Vec::new();
    let began = Instant::now();
    let tally = sweep(&plan, &AtomicBool::new(false), |event| {
        if let Event::Open(address) = event {
            open.push(address.port());
        }
    })?;
    let took = began.elapsed();
    open.sort_unstable();
    println!("{} ports in {} ms, open: {open:?}, {tally:?}", plan.ports.len(), took.as_millis());
    Ok(())
}
