//! The one place that starts processes: a supervisor per run, which starts, limits and reaps the engine.
