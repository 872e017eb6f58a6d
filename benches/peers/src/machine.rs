//! Where and from what a run was made.

use std::path::Path;
use std::process::Command;

use serde::Serialize;
use time::OffsetDateTime;

/// The facts that a figure means nothing without.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name, family and model.
    pub cpu: String,
    /// The folder of its records: the name and family in small letters.
    #[serde(skip)]
    pub folder: String,
    /// Cores.
    pub cores: usize,
    /// The vector extensions that the parsers here could use.
    pub features: Vec<&'static str>,
    /// The source: its commit, with `+` where files differ from it.
    pub commit: String,
    /// The day, UTC.
    pub date: String,
    /// The compiler.
    pub rustc: &'static str,
}

impl Machine {
    /// This machine, now.
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let (name, family, model) =
            (fact(&info, "model name"), fact(&info, "cpu family"), fact(&info, "model"));
        Self {
            cpu: format!("{name}, family {family}, model {model}"),
            folder: format!("{}-family-{family}", slug(name)),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            features: features(),
            commit: commit(),
            date: OffsetDateTime::now_utc().date().to_string(),
            rustc: env!("BUILT_BY"),
        }
    }
}

/// A fact of the first processor.
fn fact<'a>(info: &'a str, key: &str) -> &'a str {
    let value = |line: &'a str| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    };
    info.lines().find_map(value).unwrap_or("unknown")
}

/// A name as a folder: small letters and digits, trademarks left out.
fn slug(name: &str) -> String {
    let name = name.replace("(R)", " ").replace("(TM)", " ").to_lowercase();
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let all = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("bmi2", is_x86_feature_detected!("bmi2")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
            ("avx512vbmi2", is_x86_feature_detected!("avx512vbmi2")),
        ];
        all.into_iter().filter(|feature| feature.1).map(|feature| feature.0).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|files| !files.is_empty());
    if changed { format!("{commit}+") } else { commit }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of the records that are there already, and of a name with trademarks.
    #[test]
    fn a_processors_name_becomes_a_folder() {
        assert_eq!(slug("AMD EPYC"), "amd-epyc");
        assert_eq!(slug("Intel(R) Xeon(R) Processor @ 2.10GHz"), "intel-xeon-processor-2-10ghz");
    }

    /// The facts of the first processor, and a word for those that the system does not tell.
    #[test]
    fn facts_are_found_by_their_whole_name() {
        let info = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n";
        assert_eq!((fact(info, "model"), fact(info, "model name")), ("2", "AMD EPYC"));
        assert_eq!(fact("", "model"), "unknown");
    }
}
