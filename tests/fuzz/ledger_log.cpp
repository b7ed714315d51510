// The ledger's write-ahead log, as our own reader takes it before SQLite sees it: far cheaper than
// ledger_file, which opens each ledger. The lowest bit of an input's first byte says that the rest
// is the log itself. Else a good log is made of the rest, and one place in it damaged: number of
// frames, which of them commit, byte order, what is damaged (0: the header, 1: a page number, 2 and
// 3: a half of a salt, 4: a checksum, 5: a page), of which frame, where, and with what; the pages
// begin with what is left.

#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <string>
#include <system_error>

#include "daemon/ledger/sqlite_wal.hpp"
#include "support/temporary_directory.hpp"
#include "tests/fuzz/target.hpp"

namespace onboardd::fuzz {
namespace {

using sqlite::examine_log;

constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t frame_bytes = frame_header_bytes + page_bytes;
constexpr std::size_t frames_max = 4;

struct workshop {
    test::temporary_directory directory{test::memory_if_possible()};
    std::filesystem::path file = directory.path() / "ledger.db";
    std::filesystem::path log = directory.path() / "ledger.db-wal";
    std::filesystem::path kept = directory.path() / "kept";
};

workshop& shop() {
    static workshop instance;
    return instance;
}

std::string four_bytes(std::uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>(value >> static_cast<unsigned>(shift));
    }
    return out;
}

// "The SQLite Database File Format", 4.2, apart from the program's own.
class checksum {
public:
    explicit checksum(bool big) : big_(big) {}

    std::string add(std::string_view bytes) {
        for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
            s0_ += word(bytes) + s1_;
            s1_ += word(bytes.substr(4)) + s0_;
        }
        return four_bytes(s0_) + four_bytes(s1_);
    }

private:
    [[nodiscard]] std::uint32_t word(std::string_view bytes) const {
        std::array<unsigned char, 4> at{};
        std::copy_n(bytes.begin(), at.size(), at.begin());
        if (!big_) {
            std::ranges::reverse(at);
        }
        return std::uint32_t{at[0]} << 24U | std::uint32_t{at[1]} << 16U |
               std::uint32_t{at[2]} << 8U | at[3];
    }

    bool big_;
    std::uint32_t s0_ = 0;
    std::uint32_t s1_ = 0;
};

// Reads an input from its beginning; zeros behind its end.
class reader {
public:
    explicit reader(std::string_view bytes) : bytes_(bytes) {}

    std::size_t number(std::size_t below) {
        const auto value = bytes_.empty() ? 0U : static_cast<unsigned char>(bytes_.front());
        bytes_.remove_prefix(bytes_.empty() ? 0 : 1);
        return value % below;
    }

    std::string text(std::size_t size) {
        std::string out(bytes_.substr(0, size));
        bytes_.remove_prefix(out.size());
        out.resize(size);
        return out;
    }

private:
    std::string_view bytes_;
};

struct plan {
    explicit plan(reader& input)
        : frames(input.number(frames_max + 1)),
          commits(static_cast<unsigned>(input.number(256))),
          big(input.number(2) != 0),
          part(input.number(6)),
          frame(input.number(std::max<std::size_t>(frames, 1))),
          at(input.number(256) * 256 + input.number(256)),
          change(input.text(1 + input.number(4))) {}

    [[nodiscard]] bool is_commit(std::size_t number) const { return (commits >> number & 1U) != 0; }

    // Of those that this frame and the later ones end.
    [[nodiscard]] std::size_t commits_from(std::size_t first) const {
        std::size_t count = 0;
        for (auto number = first; number < frames; ++number) {
            count += is_commit(number) ? 1 : 0;
        }
        return count;
    }

    std::size_t frames;
    unsigned commits;
    bool big;
    std::size_t part;  // what is damaged
    std::size_t frame;
    std::size_t at;
    std::string change;
};

std::string good_log(const plan& wanted, reader& input) {
    checksum sum(wanted.big);
    auto log = four_bytes(wanted.big ? 0x377f0683U : 0x377f0682U) + four_bytes(3007000U) +
               four_bytes(page_bytes) + four_bytes(1) + "saltSALT";
    log += sum.add(log);
    for (std::size_t number = 0; number < wanted.frames; ++number) {
        const auto begin =
            four_bytes(1 + static_cast<std::uint32_t>(input.number(256))) +
            four_bytes(wanted.is_commit(number) ? 1 + static_cast<std::uint32_t>(number) : 0);
        auto page = input.text(64);
        page.resize(page_bytes);
        sum.add(begin);
        log += begin + "saltSALT" + sum.add(page) + page;
    }
    return log;
}

// Whether anything is different.
bool damage(std::string& log, const plan& wanted) {
    struct place {
        std::size_t begin;
        std::size_t size;
    };
    constexpr std::array<place, 6> places = {
        {{0, header_bytes}, {0, 4}, {8, 4}, {12, 4}, {16, 8}, {frame_header_bytes, page_bytes}}};
    const auto& place = places.at(wanted.part);
    if (wanted.part != 0 && wanted.frames == 0) {
        return false;
    }
    auto begin = place.begin + wanted.at % place.size;
    const auto size = std::min(wanted.change.size(), place.begin + place.size - begin);
    begin += wanted.part == 0 ? 0 : header_bytes + wanted.frame * frame_bytes;
    bool changed = false;
    for (std::size_t i = 0; i < size; ++i) {
        log[begin + i] = static_cast<char>(log[begin + i] ^ wanted.change[i]);
        changed = changed || wanted.change[i] != 0;
    }
    return changed;
}

// libFuzzer looks at its clock by a signal, which ends a copy that is under way.
void mend(const workshop& at) {
    for (;;) {
        try {
            sqlite::mend_log(at.file, at.kept);
            return;
        } catch (const std::filesystem::filesystem_error& failed) {
            promise(failed.code() == std::errc::interrupted, "mending fails");
        }
    }
}

void check_mending(const std::string& log) {
    auto& at = shop();
    mend(at);
    promise(!examine_log(at.file).broken, "a mended log is broken");
    promise(test::read_file(at.kept) == log, "what is kept is not what was there");
    promise(std::filesystem::file_size(at.log) == log.size(), "mending changes the size");
}

void check_made(const plan& wanted, reader& input) {
    auto& at = shop();
    auto log = good_log(wanted, input);
    const bool changed = damage(log, wanted);
    test::write_file(at.log, log);
    const auto state = examine_log(at.file);
    promise(state.broken == changed, "damage and what is said of it differ");
    const auto good = !changed ? wanted.frames : wanted.part == 0 ? 0 : wanted.frame;
    promise(state.frames == good, "not all good frames, or a bad one, counted");
    const bool is_header = changed && wanted.part == 0;
    const auto least = is_header && wanted.frames != 0 ? std::size_t{1} : std::size_t{0};
    const auto lost = changed ? std::max(wanted.commits_from(good), least) : 0;
    promise(state.header_broken == is_header, "the header's damage and what is said of it differ");
    promise(state.commits_lost == lost, "another number of commits");
    promise(is_damaged(state) == (lost > (is_header ? 0U : 1U)), "a loss that nobody is told");
    check_mending(log);
    promise(examine_log(at.file).frames == wanted.frames, "mending hides a frame");
}

}  // namespace

void ledger_log(std::string_view bytes) {
    reader input(bytes);
    if (input.number(2) == 0) {
        const plan wanted(input);
        check_made(wanted, input);
        return;
    }
    const std::string log(bytes.substr(1));
    test::write_file(shop().log, log);
    const auto state = examine_log(shop().file);
    promise(!state.header_broken || (state.broken && state.frames == 0), "frames without a header");
    check_mending(log);
}

}  // namespace onboardd::fuzz
