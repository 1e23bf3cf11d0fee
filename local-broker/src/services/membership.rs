//! Members join, stay in and leave groups; groups are listed, described and deleted.

use std::time::{Duration, Instant};

use kafka_protocol::{
    error::ResponseError,
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
        GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
        LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse,
        SyncGroupRequest, SyncGroupResponse,
        delete_groups_response::DeletableGroupResult,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        join_group_response::JoinGroupResponseMember,
        leave_group_request::MemberIdentity,
        leave_group_response::MemberResponse,
        list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};
use tokio::sync::oneshot;

use super::{errors::code, text};
use crate::{
    groups::{Due, Group, GroupError, Join, Joined, Phase, Sender},
    state::{Answer, Broker, Waiting, answer},
};

pub(super) async fn join(
    broker: &Broker,
    request: JoinGroupRequest,
    version: i16,
    client: &str,
) -> JoinGroupResponse {
    let session_timeout = millis(request.session_timeout_ms);
    let rebalance_timeout = match request.rebalance_timeout_ms {
        0.. => millis(request.rebalance_timeout_ms),
        _ => session_timeout,
    };
    if request.group_id.is_empty() {
        return not_joined(ResponseError::InvalidGroupId, request.member_id);
    }
    let protocols = request.protocols.into_iter();
    let protocols = protocols.map(|protocol| (protocol.name.to_string(), protocol.metadata));
    let (token, answered) = oneshot::channel();
    let full_name = {
        let mut state = broker.state();
        let wish = Join {
            member: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            client_id: client,
            session_timeout,
            rebalance_timeout,
            protocol_type: &request.protocol_type,
            protocols: protocols.collect(),
            takes_names: version >= 4,
            name: state.member_name(),
        };
        let full_name = wish.full_name();
        let group = state.group(&request.group_id);
        answer(group.join(wish, token, Instant::now()));
        full_name
    };
    match answered.await {
        Ok(Answer::Join(Ok(joined))) => accepted(joined),
        Ok(Answer::Join(Err(error @ GroupError::NameGiven(_)))) => {
            not_joined(error.into(), text(full_name))
        }
        Ok(Answer::Join(Err(error))) => not_joined(error.into(), request.member_id),
        // The group was forgotten meanwhile.
        Ok(Answer::Sync(_)) | Err(_) => {
            not_joined(ResponseError::UnknownMemberId, request.member_id)
        }
    }
}

fn accepted(joined: Joined) -> JoinGroupResponse {
    let members = joined
        .members
        .into_iter()
        .map(|(name, instance, metadata)| {
            JoinGroupResponseMember::default()
                .with_member_id(text(name))
                .with_group_instance_id(instance.map(text))
                .with_metadata(metadata)
        });
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.map(text))
        .with_protocol_name(Some(text(joined.protocol.unwrap_or_default())))
        .with_leader(text(joined.leader))
        .with_member_id(text(joined.member))
        .with_members(members.collect())
}

fn not_joined(error: ResponseError, member: StrBytes) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_name(Some(StrBytes::new()))
        .with_member_id(member)
}

pub(super) async fn sync(broker: &Broker, request: SyncGroupRequest) -> SyncGroupResponse {
    let (token, answered) = oneshot::channel();
    let (protocol_type, protocol) = {
        let mut state = broker.state();
        let Some(group) = state.groups.get_mut(request.group_id.as_str()) else {
            let error = ResponseError::UnknownMemberId;
            return SyncGroupResponse::default().with_error_code(error.code());
        };
        let sender = Sender {
            member: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation: request.generation_id,
        };
        let assignments = request.assignments.into_iter();
        let assignments = assignments.map(|one| (one.member_id.to_string(), one.assignment));
        answer(group.sync(sender, assignments.collect(), token, Instant::now()));
        (group.protocol_type.clone(), group.protocol.clone())
    };
    match answered.await {
        Ok(Answer::Sync(Ok(assignment))) => SyncGroupResponse::default()
            .with_protocol_type(protocol_type.map(text))
            .with_protocol_name(protocol.map(text))
            .with_assignment(assignment),
        Ok(Answer::Sync(Err(error))) => {
            SyncGroupResponse::default().with_error_code(ResponseError::from(error).code())
        }
        Ok(Answer::Join(_)) | Err(_) => {
            let error = ResponseError::UnknownMemberId;
            SyncGroupResponse::default().with_error_code(error.code())
        }
    }
}

pub(super) fn heartbeat(broker: &Broker, request: &HeartbeatRequest) -> HeartbeatResponse {
    let mut state = broker.state();
    let sender = Sender {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id,
    };
    let outcome = match state.groups.get_mut(request.group_id.as_str()) {
        Some(group) => group.heartbeat(sender, Instant::now()),
        None => Err(GroupError::UnknownMember),
    };
    HeartbeatResponse::default().with_error_code(code(outcome))
}

pub(super) fn leave(
    broker: &Broker,
    request: LeaveGroupRequest,
    version: i16,
) -> LeaveGroupResponse {
    let mut state = broker.state();
    let members = if version < 3 {
        vec![MemberIdentity::default().with_member_id(request.member_id)]
    } else {
        request.members
    };
    let mut due = Due::default();
    let mut group = state.groups.get_mut(request.group_id.as_str());
    let left: Vec<MemberResponse> = members
        .into_iter()
        .map(|member| {
            let instance = member.group_instance_id.as_deref();
            let outcome = match &mut group {
                Some(group) => group.leave(&member.member_id, instance, Instant::now(), &mut due),
                None => Err(GroupError::UnknownMember),
            };
            MemberResponse::default()
                .with_member_id(member.member_id)
                .with_group_instance_id(member.group_instance_id)
                .with_error_code(code(outcome))
        })
        .collect();
    answer(due);
    let response = LeaveGroupResponse::default();
    match left.first() {
        Some(only) if version < 3 => response.with_error_code(only.error_code),
        _ => response.with_members(left),
    }
}

pub(super) fn describe(broker: &Broker, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let state = broker.state();
    let groups = request.groups.into_iter().map(|id| {
        let described = DescribedGroup::default();
        match state.groups.get(id.as_str()) {
            None => described.with_group_state(StrBytes::from_static_str("Dead")),
            Some(group) => described
                .with_group_state(phase(group))
                .with_protocol_type(text(group.protocol_type.clone().unwrap_or_default()))
                .with_protocol_data(text(group.protocol.clone().unwrap_or_default()))
                .with_members(members(group)),
        }
        .with_group_id(id)
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn members(group: &Group<Waiting>) -> Vec<DescribedGroupMember> {
    let protocol = group.protocol.as_deref().unwrap_or_default();
    let members = group.members.iter().map(|(name, member)| {
        DescribedGroupMember::default()
            .with_member_id(text(name))
            .with_group_instance_id(member.instance.clone().map(text))
            .with_client_id(text(member.client_id.clone()))
            .with_client_host(StrBytes::from_static_str("/127.0.0.1"))
            .with_member_metadata(member.metadata(protocol))
            .with_member_assignment(member.assignment.clone())
    });
    members.collect()
}

pub(super) fn list(broker: &Broker, request: &ListGroupsRequest) -> ListGroupsResponse {
    let state = broker.state();
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|one| one.eq_ignore_ascii_case(value))
    };
    let groups = state
        .groups
        .iter()
        .map(|(name, group)| {
            ListedGroup::default()
                .with_group_id(GroupId(text(name)))
                .with_protocol_type(text(group.protocol_type.clone().unwrap_or_default()))
                .with_group_state(phase(group))
                .with_group_type(StrBytes::from_static_str("classic"))
        })
        .filter(|group| wanted(&request.states_filter, &group.group_state))
        .filter(|group| wanted(&request.types_filter, &group.group_type));
    ListGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn delete(broker: &Broker, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut state = broker.state();
    let results = request.groups_names.into_iter().map(|id| {
        let outcome = match state.groups.get(id.as_str()) {
            None => Err(GroupError::NotFound),
            Some(group) if group.phase != Phase::Empty => Err(GroupError::NotEmpty),
            Some(_) => {
                state.groups.remove(id.as_str());
                Ok(())
            }
        };
        DeletableGroupResult::default()
            .with_group_id(id)
            .with_error_code(code(outcome))
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}

fn phase<T>(group: &Group<T>) -> StrBytes {
    StrBytes::from_static_str(match group.phase {
        Phase::Empty => "Empty",
        Phase::Preparing { .. } => "PreparingRebalance",
        Phase::Completing { .. } => "CompletingRebalance",
        Phase::Stable => "Stable",
    })
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
