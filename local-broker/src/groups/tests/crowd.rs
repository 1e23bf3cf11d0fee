//! A crowd of members that come, go, fall silent and come back at random: when they calm down, each partition is
//! read by one of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

type Tokens = Group<usize>;

const STEP: Duration = Duration::from_millis(500);

/// What a member does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// It starts, if it does not run.
    Start,
    /// It leaves.
    Leave,
    /// It says nothing any more.
    Crash,
    /// It subscribes to another topic.
    Subscribe(u8),
}

/// A member as its client sees it.
#[derive(Clone, Debug)]
struct Client {
    instance: Option<String>,
    topic: u8,
    runs: bool,
    waits: bool,
    name: String,
    joined: Option<Joined>,
    part: Option<Bytes>,
}

impl Client {
    fn sender(&self) -> Sender<'_> {
        Sender {
            member: &self.name,
            instance: self.instance.as_deref(),
            generation: self.joined.as_ref().map_or(-1, |joined| joined.generation),
        }
    }

    fn forget(&mut self) {
        self.name.clear();
        self.joined = None;
        self.part = None;
        self.waits = false;
    }
}

struct Crowd {
    group: Tokens,
    clients: Vec<Client>,
    now: Instant,
    numbers: u64,
}

impl Crowd {
    fn new(size: usize, statics: usize) -> Self {
        let client = |number: usize| Client {
            instance: (number < statics).then(|| format!("instance-{number}")),
            topic: 0,
            runs: false,
            waits: false,
            name: String::new(),
            joined: None,
            part: None,
        };
        Self {
            group: Tokens::default(),
            clients: (0..size).map(client).collect(),
            now: Instant::now(),
            numbers: 0,
        }
    }

    fn act(&mut self, number: usize, act: Act) {
        let client = &mut self.clients[number];
        match act {
            Act::Start => client.runs = true,
            Act::Crash => {
                client.runs = false;
                client.forget();
            }
            Act::Subscribe(topic) => {
                if client.topic != topic && !client.waits {
                    client.topic = topic;
                    client.joined = None;
                    client.part = None;
                }
            }
            Act::Leave => {
                client.runs = false;
                let (name, instance) = (client.name.clone(), client.instance.clone());
                client.forget();
                if !name.is_empty() {
                    let mut due = Due::default();
                    // It may have been removed already.
                    let _ = self
                        .group
                        .leave(&name, instance.as_deref(), self.now, &mut due);
                    self.deliver(due);
                }
            }
        }
    }

    /// Half a second passes, and everybody who runs does what a client does.
    fn pass(&mut self) {
        self.now += STEP;
        let due = self.group.expire(self.now);
        self.deliver(due);
        for number in 0..self.clients.len() {
            let client = self.clients[number].clone();
            if !client.runs || client.waits {
                continue;
            }
            if client.joined.is_none() {
                self.numbers += 1;
                let mut wish = wish(&client.name, client.instance.as_deref(), self.numbers);
                wish.protocols[0].1 = subscription(&format!("t{}", client.topic));
                self.clients[number].waits = true;
                let due = self.group.join(wish, number, self.now);
                self.deliver(due);
            } else if client.part.is_none() {
                let parts = client.joined.iter().flat_map(|joined| &joined.members);
                let parts = parts.map(|(name, ..)| (name.clone(), Bytes::from(name.clone())));
                self.clients[number].waits = true;
                let due = self
                    .group
                    .sync(client.sender(), parts.collect(), number, self.now);
                self.deliver(due);
            } else if let Err(error) = self.group.heartbeat(client.sender(), self.now) {
                self.told(number, error);
            }
        }
    }

    fn deliver(&mut self, due: Due<usize>) {
        for (number, answer) in due.joins {
            let client = &mut self.clients[number];
            // Who has crashed meanwhile does not hear it, nor who has come back since.
            if !client.runs || !client.waits {
                continue;
            }
            client.waits = false;
            match answer {
                Ok(joined) => {
                    client.name = joined.member.clone();
                    client.joined = Some(joined);
                    client.part = None;
                }
                Err(error) => self.told(number, error),
            }
        }
        for (number, answer) in due.syncs {
            let client = &mut self.clients[number];
            if !client.runs || !client.waits {
                continue;
            }
            client.waits = false;
            match answer {
                Ok(part) => client.part = Some(part),
                Err(error) => self.told(number, error),
            }
        }
    }

    fn told(&mut self, number: usize, error: GroupError) {
        let client = &mut self.clients[number];
        match error {
            GroupError::Rebalancing => {
                client.joined = None;
                client.part = None;
            }
            _ => client.forget(),
        }
    }

    /// Whether all who run, and nobody else, have a part of the same generation.
    fn is_calm(&self) -> bool {
        let running: Vec<_> = self.clients.iter().filter(|client| client.runs).collect();
        let names: BTreeSet<_> = running.iter().map(|client| &client.name).collect();
        names.len() == running.len()
            && self.group.members.len() == running.len()
            && running.iter().all(|client| {
                let generation = client.joined.as_ref().map(|joined| joined.generation);
                generation == Some(self.group.generation)
                    // Its own part: the leader gave everyone its name.
                    && client.part.as_ref().is_some_and(|part| {
                        *part == client.name.as_bytes() || client.instance.is_some()
                    })
            })
    }
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act, u32)>> {
    let act = prop_oneof![
        4 => Just(Act::Start),
        1 => Just(Act::Leave),
        1 => Just(Act::Crash),
        1 => (0_u8..2).prop_map(Act::Subscribe),
    ];
    prop::collection::vec((0_usize..5, act, 0_u32..20), 1..40)
}

proptest! {
    #[test]
    fn a_crowd_that_calms_down_shares(acts in acts(), statics in 0_usize..5) {
        let mut crowd = Crowd::new(5, statics);
        for (number, act, steps) in acts {
            crowd.act(number, act);
            for _ in 0..steps {
                crowd.pass();
            }
        }
        // A session, a rebalance with who does not come back, and one more.
        let patience = (SESSION + REBALANCE) * 3;
        for _ in 0..patience.as_millis() / STEP.as_millis() {
            crowd.pass();
        }
        prop_assert!(crowd.is_calm(), "{:#?}\n{:#?}", crowd.group, crowd.clients);
        let generation = crowd.group.generation;
        for _ in 0..100 {
            crowd.pass();
        }
        prop_assert_eq!(crowd.group.generation, generation);
    }
}
