#include "onboardd/ledger/job.hpp"

#include <gtest/gtest.h>

#include "onboardd/ledger/ledger.hpp"

namespace onboardd {
namespace {

TEST(JobState, EveryStateHasAWordThatLeadsBackToIt) {
    for (const auto state : all_job_states) {
        EXPECT_EQ(parse_job_state(to_string(state)), state);
    }
    EXPECT_EQ(parse_job_state("Queued"), std::nullopt);
    EXPECT_EQ(parse_job_state(""), std::nullopt);
    EXPECT_EQ(parse_job_state("invalid"), std::nullopt);
}

TEST(JobState, OnlyTheFiveEndsAreFinalAndAHeldJobIsNeitherFinalNorOpen) {
    std::string final_states;
    std::string open_states;
    for (const auto state : all_job_states) {
        (is_final(state) ? final_states : open_states) += std::string(to_string(state)) + ' ';
        EXPECT_EQ(is_open(state), !is_final(state) && state != job_state::held) << to_string(state);
    }
    EXPECT_EQ(final_states, "created rejected expired conflict cancelled ");
    EXPECT_EQ(open_states, "queued submitting unknown deferred accepted held ");
}

TEST(JobState, WaitsForAtMostOneKindOfStep) {
    const auto kinds = [](bool followed, bool watched) {
        std::string text;
        for (const auto state : all_job_states) {
            job row;
            row.state = state;
            row.followed = followed;
            if (watched) {
                row.lost_at = wall_time();
            }
            text += std::to_string(static_cast<int>(work_of(row)));
        }
        return text;
    };
    // queued submitting unknown deferred accepted created rejected expired conflict held cancelled
    EXPECT_EQ(kinds(false, false), "10213000000");
    EXPECT_EQ(kinds(true, false), "10213300000");
    EXPECT_EQ(kinds(false, true), "10213222002");
    EXPECT_EQ(kinds(true, true), "10213222002");
}

TEST(JobState, OnlyWhatHasEndedOrHasACaseHasAnOutcome) {
    std::string found;
    for (const auto state : all_job_states) {
        job row;
        row.state = state;
        EXPECT_FALSE(has_outcome(row));
        row.revision = 1;
        found += has_outcome(row) ? '1' : '0';
    }
    // queued submitting unknown deferred accepted created rejected expired conflict held cancelled
    EXPECT_EQ(found, "00001111101");
}

TEST(JobState, OnlyACaseThatTheProviderIsKnownToHaveIsAWitness) {
    std::string found;
    for (const auto state : all_job_states) {
        job row;
        row.state = state;
        row.the_case.id = "uuid";
        EXPECT_FALSE(is_witness(row)) << "sent at a time that is not known";
        row.submitted_at = wall_time();
        found += is_witness(row) ? '1' : '0';
        row.the_case.id.clear();
        EXPECT_FALSE(is_witness(row));
    }
    // queued submitting unknown deferred accepted created rejected expired conflict held cancelled
    EXPECT_EQ(found, "00001100000");
}

// A row from a damaged file or a later version, should one get so far.
TEST(JobState, WhatIsNoStateIsHarmless) {
    const auto none = static_cast<job_state>(0);
    EXPECT_EQ(to_string(none), "invalid");
    EXPECT_FALSE(is_final(none));
    job row;
    row.state = none;
    row.followed = true;
    EXPECT_EQ(work_of(row), work_kind::none);
    EXPECT_EQ(to_string(static_cast<error_kind>(0)), "invalid");
}

TEST(ErrorKind, EveryKindHasItsWord) {
    std::string words;
    for (int kind = 1; kind <= 6; ++kind) {
        words += std::string(to_string(static_cast<error_kind>(kind))) + ' ';
    }
    EXPECT_EQ(words, "invalid_job duplicate_reference refused expired conflict cancelled ");
}

struct reason_case {
    std::string name;
    std::optional<job_error> error;
    std::string reason;
};

class ReasonTest : public testing::TestWithParam<reason_case> {};

TEST_P(ReasonTest, NamesTheClassOfTheError) {
    job row;
    row.error = GetParam().error;
    EXPECT_EQ(reason_of(row), GetParam().reason);
    EXPECT_LE(reason_of(row).size(), 200u);
}

std::string repeated(const std::string& part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}

job_error error(error_kind kind, int status, std::string code, std::string message) {
    return {.kind = kind,
            .http_status = status,
            .code = std::move(code),
            .message = std::move(message),
            .details = {},
            .field = {}};
}

const reason_case reason_cases[] = {
    {"NoError", std::nullopt, ""},
    {"Refused", error(error_kind::refused, 400, "invalid_parameter", "message"),
     "refused 400 invalid_parameter: message"},
    {"WithoutCode", error(error_kind::refused, 404, "", "no such account"),
     "refused 404: no such account"},
    {"Expired", error(error_kind::expired, 0, "", ""), "expired"},
    {"Conflict", error(error_kind::conflict, 0, "", "two cases"), "conflict: two cases"},
    {"CutAtTheLimit", error(error_kind::expired, 0, "", std::string(300, 'x')),
     "expired: " + std::string(191, 'x')},
    {"AtTheLimit", error(error_kind::expired, 0, "", std::string(191, 'x')),
     "expired: " + std::string(191, 'x')},
    {"CutBehindACharacter", error(error_kind::expired, 0, "", repeated("x", 189) + "øx"),
     "expired: " + repeated("x", 189) + "ø"},
    {"CutThroughTheLastOfFourBytes", error(error_kind::expired, 0, "", repeated("x", 188) + "😀x"),
     "expired: " + repeated("x", 188)},
    {"CutThroughTheSecondOfFourBytes", error(error_kind::expired, 0, "", repeated("x", 190) + "😀x"),
     "expired: " + repeated("x", 190)},
    {"CutBetweenCharactersOfTwoBytes", error(error_kind::expired, 0, "", repeated("ø", 150)),
     "expired: " + repeated("ø", 95)},
    {"CutBetweenCharactersOfFourBytes", error(error_kind::expired, 0, "", repeated("😀", 100)),
     "expired: " + repeated("😀", 47)},
    {"CutBehindMoreThanACharacterHas",
     error(error_kind::expired, 0, "", repeated("x", 188) + std::string(9, '\x80')),
     "expired: " + repeated("x", 188) + std::string(3, '\x80')},
    {"NotUtf8AtAll", error(error_kind::expired, 0, "", std::string(300, '\x80')),
     "expired: " + std::string(191, '\x80')},
};

INSTANTIATE_TEST_SUITE_P(All, ReasonTest, testing::ValuesIn(reason_cases),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace onboardd
