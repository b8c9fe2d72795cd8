// Is a node alive? Every witness, alone and against the others.
#include <gtest/gtest.h>

#include "monitor/fsm/verdict.h"

namespace autoctl::monitor {
namespace {

constexpr TimePoint start{std::chrono::hours{1}};
constexpr NodeId witness_b{2}, witness_c{3};

/// A node that reported at `start`, at a monitor that has run for long; time is what the tests move.
struct Case {
  NodeObservation seen;
  Settings settings;
  TimePoint now = start;
  bool may_expect_postgres = true;

  Case() {
    seen.watching_since = start - std::chrono::minutes{10};
    seen.last_report = start;
  }
  Health health() const { return assess(seen, may_expect_postgres, settings, now); }
  Verdict verdict() const { return health().verdict; }
  Case& pass(Millis time) {
    now += time;
    return *this;
  }
  Case& disconnect() {
    seen.disconnected_at = now;
    return *this;
  }
  Case& probe(PortState postgres, PortState keeper) {
    seen.postgres_port = {postgres, now};
    seen.keeper_port = {keeper, now};
    return *this;
  }
  Case& testify(NodeId who, bool hears, PortState port = PortState::unknown) {
    std::erase_if(seen.witnesses, [&](const WitnessView& view) { return view.witness == who; });
    seen.witnesses.push_back({who, "node_" + std::to_string(who.value), hears, port, now});
    return *this;
  }
};

Case killed() {
  Case c;
  c.pass(Millis{300}).disconnect().pass(Millis{5}).probe(PortState::refused, PortState::refused);
  return c;
}
Case silent() {
  Case c;
  c.pass(c.settings.silence_timeout).probe(PortState::silent, PortState::silent);
  return c;
}

TEST(Verdict, a_report_within_a_heartbeat_and_a_half_is_health) {
  Case c;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
  EXPECT_EQ(c.pass(Millis{1499}).verdict(), Verdict::healthy);
  EXPECT_EQ(c.pass(Millis{1}).verdict(), Verdict::suspected);
}

TEST(Verdict, a_broken_connection_is_suspicious_at_once_and_no_more) {
  Case c;
  EXPECT_EQ(c.pass(Millis{1}).disconnect().verdict(), Verdict::suspected);
  EXPECT_EQ(c.pass(Millis{3998}).verdict(), Verdict::suspected) << "nothing is known but that it broke";
}

TEST(Verdict, refused_by_its_host_is_conclusive_at_once) {
  EXPECT_EQ(killed().verdict(), Verdict::dead);
  EXPECT_EQ(killed().testify(witness_b, false).verdict(), Verdict::dead);
}

TEST(Verdict, refused_is_nothing_while_a_witness_hears_it) {
  EXPECT_EQ(killed().testify(witness_b, true).verdict(), Verdict::suspected);
  EXPECT_EQ(killed().testify(witness_b, false).testify(witness_c, true).verdict(), Verdict::suspected);
}

TEST(Verdict, refused_waits_until_every_witness_was_asked) {
  Case c;
  c.testify(witness_b, false).pass(Millis{300}).disconnect().pass(Millis{5});
  c.probe(PortState::refused, PortState::refused);
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "node_2 was asked before the suspicion began";
  c.testify(witness_c, false);
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "node_2 may still hear it";
  EXPECT_EQ(c.testify(witness_b, false).verdict(), Verdict::dead);
}

TEST(Verdict, refused_at_one_port_is_not_enough) {
  EXPECT_EQ(killed().probe(PortState::open, PortState::refused).verdict(), Verdict::suspected)
      << "its keeper is gone, Postgres serves on";
  EXPECT_EQ(killed().probe(PortState::refused, PortState::open).verdict(), Verdict::suspected)
      << "its keeper is there and may start Postgres";
  EXPECT_EQ(killed().probe(PortState::refused, PortState::silent).verdict(), Verdict::suspected);
  Case stopped = killed().probe(PortState::unknown, PortState::refused);
  EXPECT_EQ(stopped.verdict(), Verdict::suspected);
  stopped.may_expect_postgres = false;
  EXPECT_EQ(stopped.verdict(), Verdict::dead) << "where Postgres is not expected the keeper's port tells all";
}

/// Nobody of ours listens where somebody else does.
TEST(Verdict, a_stranger_at_its_ports_is_as_good_as_a_refusal) {
  using enum PortState;
  for (const PortState postgres : {refused, stranger})
    for (const PortState keeper : {refused, stranger}) {
      Case c = killed().probe(postgres, keeper);
      EXPECT_EQ(c.verdict(), Verdict::dead);
      EXPECT_EQ(c.testify(witness_b, false, stranger).verdict(), Verdict::dead);
      EXPECT_EQ(c.testify(witness_b, true).verdict(), Verdict::suspected) << "a standby hears it";
    }
  EXPECT_EQ(killed().probe(stranger, open).verdict(), Verdict::suspected) << "its keeper is there";
  EXPECT_EQ(killed().probe(stranger, silent).verdict(), Verdict::suspected);
  EXPECT_EQ(monitor::silent().probe(stranger, stranger).verdict(), Verdict::dead);
  EXPECT_NE(killed().probe(stranger, refused).health().why.find("Postgres port taken by another server"),
            std::string::npos);
}

/// Without a certificate an open port proves nothing: it takes a standby that could not log in.
TEST(Verdict, who_shows_no_certificate_is_a_stranger_by_a_standbys_word) {
  using enum PortState;
  Case c = killed().probe(open, refused);
  EXPECT_EQ(c.testify(witness_b, false, silent).verdict(), Verdict::suspected);
  EXPECT_EQ(c.testify(witness_b, false, refused).verdict(), Verdict::suspected) << "it may only be cut off";
  EXPECT_EQ(c.testify(witness_b, false, stranger).verdict(), Verdict::dead);
  EXPECT_EQ(c.testify(witness_c, false, open).verdict(), Verdict::suspected) << "another one got an answer of its own";
  EXPECT_EQ(c.testify(witness_c, false, silent).verdict(), Verdict::dead);
  EXPECT_EQ(c.testify(witness_c, true).verdict(), Verdict::suspected);
  c.testify(witness_c, false, silent).seen.shows_certificate = true;
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "the monitor has seen its certificate there";
  EXPECT_EQ(monitor::silent().probe(open, silent).testify(witness_b, false, stranger).verdict(), Verdict::dead);
}

/// The monitor and a standby see two machines at one address.
TEST(Verdict, a_stranger_is_none_to_who_has_met_the_node) {
  using enum PortState;
  Case c = killed().probe(stranger, refused);
  EXPECT_EQ(c.testify(witness_b, false, open).verdict(), Verdict::suspected);
  EXPECT_EQ(monitor::silent().probe(stranger, silent).testify(witness_b, false, open).verdict(), Verdict::unreachable);
}

TEST(Verdict, refused_needs_the_broken_connection) {
  Case c = killed();
  c.seen.disconnected_at.reset();
  c.pass(c.settings.heartbeat * 3 / 2).probe(PortState::refused, PortState::refused);
  EXPECT_EQ(c.verdict(), Verdict::suspected);
}

TEST(Verdict, refused_after_a_monitor_start_proves_nothing) {
  Case c = killed();
  c.seen.last_report.reset();
  c.seen.disconnected_at.reset();
  c.seen.watching_since = start;
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "the nodes may be starting, too";
}

TEST(Verdict, a_probe_from_before_the_suspicion_does_not_count) {
  Case c;
  c.probe(PortState::refused, PortState::refused).pass(Millis{300}).disconnect();
  EXPECT_EQ(c.verdict(), Verdict::suspected);
  c.pass(c.settings.silence_timeout);
  EXPECT_EQ(c.verdict(), Verdict::unreachable) << "nobody has looked since: no evidence";
}

TEST(Verdict, an_old_probe_does_not_count) {
  Case c = killed();
  c.pass(Millis{1999});
  EXPECT_EQ(c.verdict(), Verdict::dead);
  c.pass(Millis{1});
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "it may have started since";
}

TEST(Verdict, silence_needs_the_whole_timeout) {
  Case c;
  c.pass(c.settings.silence_timeout - Millis{1}).probe(PortState::silent, PortState::silent).testify(witness_b, false);
  EXPECT_EQ(c.verdict(), Verdict::suspected);
  EXPECT_EQ(c.pass(Millis{1}).verdict(), Verdict::dead);
}

TEST(Verdict, silence_counts_from_the_last_report_even_if_the_connection_broke_later) {
  Case c;
  c.pass(Millis{3000}).disconnect().pass(Millis{1000}).probe(PortState::silent, PortState::silent);
  EXPECT_EQ(c.verdict(), Verdict::dead);
}

TEST(Verdict, a_node_that_a_witness_hears_is_unreachable_not_dead) {
  EXPECT_EQ(silent().verdict(), Verdict::dead);
  EXPECT_EQ(silent().testify(witness_b, true).verdict(), Verdict::unreachable);
  EXPECT_EQ(silent().testify(witness_b, true).testify(witness_c, false).verdict(), Verdict::unreachable);
  EXPECT_EQ(silent().testify(witness_b, true).pass(std::chrono::hours{1}).verdict(), Verdict::unreachable)
      << "and when the witness falls silent as well, nobody can tell";
}

TEST(Verdict, a_node_whose_postgres_answers_is_unreachable_not_dead) {
  EXPECT_EQ(silent().probe(PortState::open, PortState::silent).verdict(), Verdict::unreachable);
  EXPECT_EQ(silent().probe(PortState::open, PortState::refused).testify(witness_b, false).verdict(),
            Verdict::unreachable);
}

TEST(Verdict, incomplete_evidence_is_no_proof) {
  Case c;
  c.pass(c.settings.silence_timeout);
  EXPECT_EQ(c.verdict(), Verdict::unreachable) << "not probed";
  EXPECT_NE(c.health().why.find("incomplete"), std::string::npos);
  c = Case();
  c.testify(witness_b, false).pass(c.settings.silence_timeout).probe(PortState::silent, PortState::silent);
  EXPECT_EQ(c.verdict(), Verdict::unreachable) << "the witness was not asked since";
  EXPECT_EQ(c.testify(witness_b, false).verdict(), Verdict::dead);
}

TEST(Verdict, nobody_is_judged_silent_before_the_grace_after_a_monitor_start) {
  Case c;
  c.seen.last_report.reset();
  c.seen.watching_since = c.now;
  c.pass(c.settings.startup_grace - Millis{1}).probe(PortState::silent, PortState::silent);
  EXPECT_EQ(c.verdict(), Verdict::suspected);
  EXPECT_EQ(c.pass(Millis{1}).verdict(), Verdict::dead);
  c.seen.last_report = c.now;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
}

TEST(Verdict, the_grace_is_never_shorter_than_the_silence_timeout) {
  Case c;
  c.settings.startup_grace = Millis{100};
  c.seen.last_report.reset();
  c.seen.watching_since = c.now;
  c.pass(c.settings.silence_timeout - Millis{1}).probe(PortState::silent, PortState::silent);
  EXPECT_EQ(c.verdict(), Verdict::suspected);
}

TEST(Verdict, its_keepers_own_word_is_conclusive) {
  Case c;
  c.seen.cannot_run = true;
  c.seen.trouble = "no space left on device";
  EXPECT_EQ(c.verdict(), Verdict::dead) << "though it reports";
  EXPECT_NE(c.health().why.find("no space left on device"), std::string::npos);
  c.may_expect_postgres = false;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
}

TEST(Verdict, a_postmaster_gets_its_time_to_be_restarted_in_place) {
  Case c;
  c.seen.postgres_down_since = c.now;
  c.pass(c.settings.postgres_restart_timeout - Millis{1}).seen.last_report = c.now;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
  c.pass(Millis{1});
  EXPECT_EQ(c.verdict(), Verdict::dead);
  c.may_expect_postgres = false;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
}

TEST(Verdict, the_reason_names_every_witness) {
  const std::string why = silent().testify(witness_b, false, PortState::refused).health().why;
  for (const char* part :
       {"no report for 4.0 s", "Postgres port silent", "keeper port silent", "node_2 does not hear it", "port refused"})
    EXPECT_NE(why.find(part), std::string::npos) << part << " in: " << why;
}

TEST(Verdict, names_are_distinct) {
  EXPECT_EQ(to_string(Verdict::healthy), "healthy");
  EXPECT_EQ(to_string(Verdict::suspected), "suspected");
  EXPECT_EQ(to_string(Verdict::unreachable), "unreachable");
  EXPECT_EQ(to_string(Verdict::dead), "dead");
}

TEST(WantsEvidence, until_the_node_is_healthy_and_quiet) {
  Case c;
  EXPECT_FALSE(wants_evidence(c.seen, c.settings, c.now));
  EXPECT_TRUE(wants_evidence(c.seen, c.settings, c.now + c.settings.heartbeat * 3 / 2));
  c.disconnect();
  EXPECT_TRUE(wants_evidence(c.seen, c.settings, c.now));
}

/// With the same evidence a verdict changes only at the deadlines that were announced.
TEST(NextDeadline, no_change_of_mind_comes_unannounced) {
  std::vector<Case> cases(5);
  cases[1].seen.postgres_down_since = start;
  cases[2].seen.last_report.reset();
  cases[2].seen.watching_since = start;
  cases[3].disconnect();
  cases[4] = killed().testify(witness_b, false);
  for (Case& c : cases) {
    std::optional<TimePoint> announced = next_deadline(c.seen, c.settings, c.now);
    Verdict verdict = c.verdict();
    while (c.now < start + std::chrono::seconds{20}) {
      c.pass(Millis{1});
      if (c.verdict() != verdict) {
        ASSERT_TRUE(announced);
        EXPECT_EQ(c.now, *announced);
        verdict = c.verdict();
      }
      if (announced && c.now >= *announced) announced = next_deadline(c.seen, c.settings, c.now);
    }
    EXPECT_FALSE(next_deadline(c.seen, c.settings, c.now)) << "nothing more can happen";
  }
}

/// The monitor had no time for what the node said, but it came.
TEST(Verdict, a_report_that_waits_is_a_sign_of_life_and_nothing_else) {
  Case c;
  c.pass(Millis{20'000});
  c.seen.last_heard = c.now;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
  EXPECT_FALSE(wants_evidence(c.seen, c.settings, c.now));
  EXPECT_EQ(next_deadline(c.seen, c.settings, c.now), c.now + Millis{1500});
  c.pass(Millis{1500});
  EXPECT_EQ(c.verdict(), Verdict::suspected);
  EXPECT_TRUE(c.health().why.starts_with("no report for 1.5 s")) << c.health().why;
  c.pass(Millis{2'499}).probe(PortState::silent, PortState::silent);
  EXPECT_EQ(c.verdict(), Verdict::suspected);
  EXPECT_EQ(c.pass(Millis{1}).verdict(), Verdict::dead);
}

TEST(Verdict, a_connection_that_broke_before_the_node_was_heard_again_is_no_matter) {
  Case c = killed();
  c.seen.last_heard = c.now;
  EXPECT_EQ(c.verdict(), Verdict::healthy);
  EXPECT_EQ(suspicion_began(c.seen), c.now) << "what was found before is of no use";
  c.pass(Millis{10}).disconnect();
  EXPECT_EQ(c.verdict(), Verdict::suspected) << "the refusals are older";
}

}  // namespace
}  // namespace autoctl::monitor
