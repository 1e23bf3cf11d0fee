//! Topics and groups are made, described, changed and deleted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use rdkafka::{
    admin::{
        AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
        TopicReplication,
    },
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    metadata::MetadataTopic,
};

use super::world::{PATIENCE, World, numbers};

fn setting(world: &World, name: &str) -> Option<(String, bool)> {
    let admin = world.admin();
    let asked = [ResourceSpecifier::Topic("t")];
    let described = world.block_on(admin.describe_configs(&asked, &AdminOptions::new()));
    let described = described.unwrap().remove(0).unwrap();
    let entry = described.get(name)?;
    Some((
        entry.value.clone()?,
        entry.source == ConfigSource::DynamicTopic,
    ))
}

#[test]
fn settings_are_kept_changed_and_described() {
    let world = World::new();
    world.make_with(
        "t",
        1,
        &[("retention.ms", "1000"), ("cleanup.policy", "delete")],
    );
    let set = |value: &str| Some((value.to_owned(), true));
    let default = |value: &str| Some((value.to_owned(), false));
    assert_eq!(setting(&world, "retention.ms"), set("1000"));
    assert_eq!(setting(&world, "max.message.bytes"), default("1048588"));
    assert_eq!(setting(&world, "no.such"), None);
    let change = AlterConfig::new(ResourceSpecifier::Topic("t")).set("max.message.bytes", "2000");
    let admin = world.admin();
    let changed = world.block_on(admin.alter_configs([&change], &AdminOptions::new()));
    changed.unwrap().remove(0).unwrap();
    assert_eq!(setting(&world, "max.message.bytes"), set("2000"));
    assert_eq!(setting(&world, "retention.ms"), default("604800000"));
    let wrong = AlterConfig::new(ResourceSpecifier::Topic("t")).set("retention.ms", "1h");
    // The binding does not tell what becomes of each.
    drop(world.block_on(admin.alter_configs([&wrong], &AdminOptions::new())));
    assert_eq!(setting(&world, "max.message.bytes"), set("2000"));
}

#[test]
fn a_topic_is_made_once_and_grows() {
    let world = World::new();
    world.make("t", 1);
    let admin = world.admin();
    let again = NewTopic::new("t", 1, TopicReplication::Fixed(1));
    let copied = NewTopic::new("u", 1, TopicReplication::Fixed(3));
    let made = world.block_on(admin.create_topics([&again, &copied], &AdminOptions::new()));
    assert_eq!(
        made.unwrap(),
        [
            Err(("t".to_owned(), RDKafkaErrorCode::TopicAlreadyExists)),
            Err(("u".to_owned(), RDKafkaErrorCode::InvalidReplicationFactor)),
        ]
    );
    for (partitions, expected) in [
        (3, Ok("t".to_owned())),
        (
            2,
            Err(("t".to_owned(), RDKafkaErrorCode::InvalidPartitions)),
        ),
    ] {
        let growth = NewPartitions::new("t", partitions);
        let grown = world.block_on(admin.create_partitions([&growth], &AdminOptions::new()));
        assert_eq!(grown.unwrap(), [expected]);
    }
    world.send("t", 2, numbers(0..1));
    assert_eq!(world.ends("t", 2), (0, 1));
    let gone = world.block_on(admin.delete_topics(&["t", "u"], &AdminOptions::new()));
    assert_eq!(
        gone.unwrap(),
        [
            Ok("t".to_owned()),
            Err(("u".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition)),
        ]
    );
}

#[test]
fn no_topic_appears_because_somebody_asks_for_it() {
    let world = World::new();
    world.make("t", 1);
    let client: BaseConsumer = world.config().create().unwrap();
    let missing = client.fetch_metadata(Some("missing"), PATIENCE).unwrap();
    assert!(missing.topics()[0].error().is_some());
    let all = client.fetch_metadata(None, PATIENCE).unwrap();
    let names: Vec<_> = all.topics().iter().map(MetadataTopic::name).collect();
    assert_eq!(names, ["t"]);
    assert_eq!(all.brokers().len(), 1);
}

#[test]
fn groups_are_listed_and_deleted_when_they_are_empty() {
    let world = World::new();
    world.make("t", 1);
    let member: BaseConsumer = world.config().set("group.id", "g").create().unwrap();
    member.subscribe(&["t"]).unwrap();
    while member.assignment().unwrap().count() == 0 {
        drop(member.poll(Duration::from_millis(50)));
    }
    let groups = member.fetch_group_list(None, PATIENCE).unwrap();
    let [group] = groups.groups() else {
        panic!("{} groups", groups.groups().len())
    };
    assert_eq!(
        (group.name(), group.state(), group.members().len()),
        ("g", "Stable", 1)
    );
    let admin = world.admin();
    let delete = || {
        let gone = world.block_on(admin.delete_groups(&["g"], &AdminOptions::new()));
        gone.unwrap().remove(0).map_err(|(_, code)| code)
    };
    assert_eq!(delete(), Err(RDKafkaErrorCode::NonEmptyGroup));
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("t", 0, rdkafka::Offset::Offset(0))
        .unwrap();
    member
        .commit(&list, rdkafka::consumer::CommitMode::Sync)
        .unwrap();
    drop(member);
    assert_eq!(delete(), Ok("g".to_owned()));
    assert_eq!(delete(), Err(RDKafkaErrorCode::GroupIdNotFound));
}

#[test]
fn what_is_no_request_closes_its_own_connection_only() {
    let world = World::new();
    world.make("t", 1);
    let requests: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0, 0, 0, 1, 0],
        // A kind that there is not, a version that there is not, a body that is cut short.
        &[0, 0, 0, 8, 0x7f, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff],
        &[0, 0, 0, 10, 0, 11, 0, 5, 0, 0, 0, 1, 0xff, 0xff],
    ];
    for request in requests {
        let mut stream = TcpStream::connect(world.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        let mut answer: Vec<u8> = Vec::new();
        // Whether it is closed in an orderly way depends on what was not read yet.
        drop(stream.read_to_end(&mut answer));
        assert!(answer.is_empty(), "{request:?}");
    }
    world.send("t", 0, numbers(0..1));
    assert_eq!(world.ends("t", 0), (0, 1));
}

#[test]
fn a_version_of_the_first_request_that_is_not_known_is_said_to_be_so() {
    let world = World::new();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = [0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0];
    stream.write_all(&request).unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[4..], [0, 0, 0, 7, 0, 35]);
}

#[test]
fn a_broker_that_is_stopped_does_not_answer() {
    let mut world = World::new();
    let address = world.address();
    let connected = TcpStream::connect(&address).unwrap();
    connected.set_read_timeout(Some(PATIENCE)).unwrap();
    world.stop();
    assert_eq!((&connected).read(&mut [0; 8]).unwrap_or(0), 0);
    assert!(TcpStream::connect(&address).is_err());
}
