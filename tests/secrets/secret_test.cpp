#include "onboardd/secrets/secret.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <ostream>
#include <type_traits>

namespace onboardd {
namespace {

// Short enough for a string's own buffer, where a move leaves the bytes behind.
constexpr std::string_view canary = "hunter2hunter2";
constexpr std::string_view long_canary = "hunter2hunter2hunter2hunter2hunter2hunter2";

template <class T>
concept printable_type = requires(std::ostream& out, const T& value) {
    out << value;
};

static_assert(!std::is_copy_constructible_v<secret>);
static_assert(!std::is_copy_assignable_v<secret>);
static_assert(std::is_nothrow_move_constructible_v<secret>);
static_assert(std::is_nothrow_move_assignable_v<secret>);
static_assert(!std::is_convertible_v<secret, std::string>);
static_assert(!std::is_convertible_v<secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, secret>);
static_assert(!printable_type<secret>);

// A moved-from string writes its terminating zero over the first byte, so a trace begins at the
// second.
template <class T>
bool holds(const T& object, std::string_view bytes) {
    std::string copy(sizeof object, '\0');
    std::memcpy(copy.data(), static_cast<const void*>(&object), sizeof object);
    return copy.find(bytes.substr(1)) != std::string::npos;
}

TEST(Secret, GivesItsBytes) {
    EXPECT_EQ(secret(std::string(canary)).reveal(), canary);
    EXPECT_EQ(secret(std::string(long_canary)).reveal(), long_canary);
    EXPECT_TRUE(secret().empty());
}

TEST(Secret, WipesTheStringItWasMadeFrom) {
    std::string text(canary);
    secret value(std::move(text));
    EXPECT_TRUE(holds(value, canary));
    EXPECT_FALSE(holds(text, canary));  // NOLINT: a look at what the move left behind is the point
}

TEST(Secret, WipesWhatAMoveLeavesBehind) {
    secret first{std::string(canary)};
    secret second(std::move(first));
    EXPECT_EQ(second.reveal(), canary);
    EXPECT_FALSE(holds(first, canary));  // NOLINT
    EXPECT_TRUE(first.empty());          // NOLINT

    secret third{std::string("another")};
    third = std::move(second);
    EXPECT_EQ(third.reveal(), canary);
    EXPECT_FALSE(holds(second, canary));     // NOLINT
    EXPECT_FALSE(holds(second, "another"));  // NOLINT
}

TEST(Secret, KeepsNothingOfALongerSecretBehindAShorterOne) {
    secret value{std::string(long_canary)};
    const auto* bytes = value.reveal().data();
    value = secret{std::string("x")};
    if (value.reveal().data() != bytes)
        GTEST_SKIP() << "this string does not keep its memory";
    EXPECT_EQ(std::string_view(bytes, long_canary.size()).find("hunter2"), std::string_view::npos);
}

TEST(Secret, SurvivesAMoveToItself) {
    secret value{std::string(canary)};
    auto& same = value;
    value = std::move(same);
    EXPECT_EQ(value.reveal(), canary);
}

TEST(Secret, WipesItselfAtItsEnd) {
    alignas(secret) std::array<unsigned char, sizeof(secret)> memory{};
    auto* value = new (memory.data()) secret(std::string(canary));
    ASSERT_TRUE(holds(memory, canary));
    value->~secret();
    EXPECT_FALSE(holds(memory, canary));
}

TEST(Wipe, OverwritesUpToTheCapacity) {
    std::string text(long_canary);
    text.resize(3);
    const std::string_view memory(text.data(), long_canary.size());  // the end is still there
    ASSERT_NE(memory.find("hunter2"), std::string_view::npos);
    wipe(text);
    ASSERT_TRUE(text.data() == memory.data());
    EXPECT_EQ(memory.find("hunter2"), std::string_view::npos);
}

TEST(Wipe, EmptiesTheText) {
    std::string text(canary);
    wipe(text);
    EXPECT_TRUE(text.empty());
    EXPECT_FALSE(holds(text, canary));
}

}  // namespace
}  // namespace onboardd
