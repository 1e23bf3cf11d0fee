//! The three workloads of a pipeline.

use std::fmt;

/// A workload of a pipeline: a Deployment, and the role its pods play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Makes readings.
    Producer,
    /// Reads, validates and writes readings.
    Processor,
    /// Answers queries.
    Api,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Processor, Self::Api];

    /// The role as the label `app.kubernetes.io/component` and the ends of names have it.
    pub fn component(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Processor => "processor",
            Self::Api => "api",
        }
    }

    /// What the image is told to do.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Producer => "produce",
            Self::Processor => "process",
            Self::Api => "serve",
        }
    }

    /// The name of the role's objects, for the pipeline `pipeline`.
    pub fn object_name(self, pipeline: &str) -> String {
        format!("{pipeline}-{}", self.component())
    }

    /// The role that a component label names.
    pub fn from_component(component: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.component() == component)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.component())
    }
}
