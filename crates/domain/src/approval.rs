//! A question to people, and what their answers come to.
//!
//! Who may answer is fixed when it opens. It ends as soon as no further answer can change its outcome: with the approval
//! that was still needed, or with the rejection that puts it out of reach. An answer at the deadline comes too late.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserId, workflow::ApprovalType};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    Open,
    Approved,
    Rejected,
    /// Nobody decided in time, which is a rejection.
    Expired,
    /// What it was asked for has ended without it.
    Withdrawn,
}

impl ApprovalState {
    pub const ALL: &'static [Self] = &[
        Self::Open,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// As much of a request as its rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub kind: ApprovalType,
    pub state: ApprovalState,
    /// Who may answer, each once.
    pub people: Vec<UserId>,
    /// In the order in which they came.
    pub answers: Vec<(UserId, Decision)>,
    pub deadline: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Answered {
        by: UserId,
        decision: Decision,
    },
    /// Somebody answers in the place of another from now on.
    Delegated {
        from: UserId,
        to: UserId,
    },
    /// A look at the clock.
    Tick,
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request is {} already", .0.as_str())]
    Ended(ApprovalState),
    #[error("the time to answer is over")]
    TooLate,
    #[error("you are not among those who were asked")]
    NotAsked,
    #[error("you have answered already, and an answer is not changed")]
    Answered,
    #[error("they are not among those who were asked, or have answered already")]
    NotTheirs,
    #[error("they are among those who were asked already")]
    AskedAlready,
}

impl Approval {
    /// How many must approve.
    pub fn needed(&self) -> usize {
        let people = self.people.len();
        match self.kind {
            ApprovalType::Singular | ApprovalType::OneOfMany => 1,
            ApprovalType::TwoOfMany => 2,
            ApprovalType::All => people,
            ApprovalType::Majority => people / 2 + 1,
        }
    }

    fn count(&self, decision: Decision) -> usize {
        self.answers
            .iter()
            .filter(|(_, given)| *given == decision)
            .count()
    }

    fn outcome(&self) -> ApprovalState {
        let needed = self.needed();
        if self.count(Decision::Approve) >= needed {
            ApprovalState::Approved
        } else if self.people.len() < needed + self.count(Decision::Reject) {
            ApprovalState::Rejected
        } else {
            ApprovalState::Open
        }
    }
}

/// Whether so many people can ever be enough.
pub fn can_open(kind: ApprovalType, people: usize) -> bool {
    match kind {
        ApprovalType::Singular => people == 1,
        ApprovalType::OneOfMany | ApprovalType::All | ApprovalType::Majority => people >= 1,
        ApprovalType::TwoOfMany => people >= 2,
    }
}

/// What an event does to a request.
pub fn step(approval: &Approval, event: Event, now: Timestamp) -> Result<Approval, Refusal> {
    if approval.state != ApprovalState::Open {
        return Err(Refusal::Ended(approval.state));
    }
    let mut next = approval.clone();
    let late = now >= approval.deadline;
    match event {
        Event::Withdrawn => next.state = ApprovalState::Withdrawn,
        Event::Tick if late => next.state = ApprovalState::Expired,
        Event::Tick => {}
        Event::Answered { .. } | Event::Delegated { .. } if late => return Err(Refusal::TooLate),
        Event::Answered { by, decision } => {
            if !approval.people.contains(&by) {
                return Err(Refusal::NotAsked);
            }
            if approval.answers.iter().any(|(user, _)| *user == by) {
                return Err(Refusal::Answered);
            }
            next.answers.push((by, decision));
            next.state = next.outcome();
        }
        Event::Delegated { from, to } => {
            if approval.people.contains(&to) {
                return Err(Refusal::AskedAlready);
            }
            let answered = approval.answers.iter().any(|(user, _)| *user == from);
            let place = next.people.iter_mut().find(|user| **user == from && !answered);
            *place.ok_or(Refusal::NotTheirs)? = to;
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Timestamp = Timestamp::from_micros(100);
    const BEFORE: Timestamp = Timestamp::from_micros(99);

    fn open(kind: ApprovalType, people: i64) -> Approval {
        Approval {
            kind,
            state: ApprovalState::Open,
            people: (1..=people).map(UserId).collect(),
            answers: Vec::new(),
            deadline: DEADLINE,
        }
    }

    fn answer(by: i64, decision: Decision) -> Event {
        Event::Answered {
            by: UserId(by),
            decision,
        }
    }

    /// Answers of the people in turn: `a` approves, `r` rejects. The state after each.
    #[track_caller]
    fn check(kind: ApprovalType, people: i64, answers: &str, expected: &str) {
        let mut approval = open(kind, people);
        let mut states = String::new();
        for (index, letter) in answers.chars().enumerate() {
            let decision = if letter == 'a' {
                Decision::Approve
            } else {
                Decision::Reject
            };
            let by = i64::try_from(index).unwrap() + 1;
            approval = step(&approval, answer(by, decision), BEFORE).unwrap();
            states.push(match approval.state {
                ApprovalState::Open => '.',
                ApprovalState::Approved => 'A',
                ApprovalState::Rejected => 'R',
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(states, expected, "{kind:?} of {people}: {answers}");
    }

    #[test]
    fn each_type_with_one_to_seven_people_ends_as_soon_as_its_outcome_is_certain() {
        use ApprovalType::{All, Majority, OneOfMany, Singular, TwoOfMany};
        check(Singular, 1, "a", "A");
        check(Singular, 1, "r", "R");
        for people in 1..=7 {
            check(OneOfMany, people, "a", "A");
            let rejections = "r".repeat(usize::try_from(people).unwrap());
            check(
                OneOfMany,
                people,
                &rejections,
                &format!("{}R", ".".repeat(rejections.len() - 1)),
            );
            let approvals = "a".repeat(rejections.len());
            check(
                All,
                people,
                &approvals,
                &format!("{}A", ".".repeat(approvals.len() - 1)),
            );
            check(All, people, "r", "R");
            // More than half.
            let half = approvals.len() / 2;
            check(
                Majority,
                people,
                &approvals[..=half],
                &format!("{}A", ".".repeat(half)),
            );
            let against = approvals.len() - half;
            check(
                Majority,
                people,
                &rejections[..against],
                &format!("{}R", ".".repeat(against - 1)),
            );
        }
        for people in 2..=7 {
            check(TwoOfMany, people, "aa", ".A");
            let against = usize::try_from(people).unwrap() - 1;
            check(
                TwoOfMany,
                people,
                &"r".repeat(against),
                &format!("{}R", ".".repeat(against - 1)),
            );
        }
        check(OneOfMany, 3, "rra", "..A");
        check(TwoOfMany, 4, "arra", "...A");
        check(All, 4, "aaar", "...R");
        check(Majority, 4, "arr", "..R");
        check(Majority, 5, "arara", "....A");
        check(Majority, 6, "ararr", "....R");
        check(Majority, 7, "rarrr", "....R");
    }

    #[test]
    fn only_those_who_were_asked_answer_once_and_in_time() {
        let approval = open(ApprovalType::TwoOfMany, 3);
        let approve = |by| answer(by, Decision::Approve);
        assert_eq!(step(&approval, approve(4), BEFORE), Err(Refusal::NotAsked));
        let once = step(&approval, approve(1), BEFORE).unwrap();
        assert_eq!(step(&once, approve(1), BEFORE), Err(Refusal::Answered));
        assert_eq!(
            step(&once, answer(1, Decision::Reject), BEFORE),
            Err(Refusal::Answered)
        );
        // The moment of the deadline is after it.
        assert_eq!(step(&once, approve(2), DEADLINE), Err(Refusal::TooLate));
        assert_eq!(
            step(&once, Event::Tick, BEFORE).unwrap().state,
            ApprovalState::Open
        );
        let expired = step(&once, Event::Tick, DEADLINE).unwrap();
        assert_eq!(expired.state, ApprovalState::Expired);
        for event in [approve(2), Event::Tick, Event::Withdrawn] {
            assert_eq!(
                step(&expired, event, DEADLINE),
                Err(Refusal::Ended(ApprovalState::Expired))
            );
        }
        let approved = step(&once, approve(2), BEFORE).unwrap();
        assert_eq!(
            step(&approved, approve(3), BEFORE),
            Err(Refusal::Ended(ApprovalState::Approved))
        );
        assert_eq!(
            step(&once, Event::Withdrawn, BEFORE).unwrap().state,
            ApprovalState::Withdrawn
        );
    }

    #[test]
    fn somebody_else_takes_the_place_of_one_who_has_not_answered() {
        let approval = open(ApprovalType::All, 2);
        let delegate = |from, to| Event::Delegated {
            from: UserId(from),
            to: UserId(to),
        };
        let delegated = step(&approval, delegate(2, 9), BEFORE).unwrap();
        assert_eq!(delegated.people, [UserId(1), UserId(9)]);
        assert_eq!(
            step(&delegated, answer(2, Decision::Approve), BEFORE),
            Err(Refusal::NotAsked)
        );
        assert_eq!(step(&delegated, delegate(2, 5), BEFORE), Err(Refusal::NotTheirs));
        assert_eq!(
            step(&approval, delegate(2, 1), BEFORE),
            Err(Refusal::AskedAlready)
        );
        let answered = step(&delegated, answer(9, Decision::Approve), BEFORE).unwrap();
        assert_eq!(step(&answered, delegate(9, 5), BEFORE), Err(Refusal::NotTheirs));
        assert_eq!(step(&approval, delegate(2, 9), DEADLINE), Err(Refusal::TooLate));
    }

    #[test]
    fn too_few_people_cannot_be_asked() {
        for (kind, least) in [
            (ApprovalType::Singular, 1),
            (ApprovalType::OneOfMany, 1),
            (ApprovalType::TwoOfMany, 2),
            (ApprovalType::All, 1),
            (ApprovalType::Majority, 1),
        ] {
            assert!(can_open(kind, least) && !can_open(kind, least - 1), "{kind:?}");
        }
        assert!(!can_open(ApprovalType::Singular, 2));
    }
}
