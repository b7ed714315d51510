#include "daemon/ledger/sqlite_wal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "daemon/ledger/sqlite_file.hpp"

namespace onboardd::sqlite {
namespace {

using std::filesystem::path;

constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;

std::uint32_t big_endian(const unsigned char* at) {
    return (std::uint32_t{at[0]} << 24U) | (std::uint32_t{at[1]} << 16U) |
           (std::uint32_t{at[2]} << 8U) | std::uint32_t{at[3]};
}

void put_big_endian(unsigned char* at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) {
        at[i] = static_cast<unsigned char>(value >> (24 - 8 * i));
    }
}

struct sums {
    std::uint32_t first = 0;
    std::uint32_t second = 0;

    bool operator==(const sums&) const = default;
};

// SQLite's own: over pairs of 32-bit words, whose byte order the log's header tells.
class summer {
public:
    explicit summer(bool big) : big_(big) {}

    sums add(sums sum, const unsigned char* at, std::size_t bytes) const {
        for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
            sum.first += word(at + i) + sum.second;
            sum.second += word(at + i + 4) + sum.first;
        }
        return sum;
    }

private:
    [[nodiscard]] std::uint32_t word(const unsigned char* at) const {
        const auto value = big_endian(at);
        return big_ ? value : __builtin_bswap32(value);
    }

    bool big_;
};

sums read_sums(const unsigned char* at) {
    return {big_endian(at), big_endian(at + 4)};
}

using log_salt = std::array<unsigned char, 8>;

log_salt salt_of(const unsigned char* at) {
    log_salt salt{};
    std::copy_n(at, salt.size(), salt.begin());
    return salt;
}

struct log_header {
    std::array<unsigned char, header_bytes> bytes{};
    std::size_t page_bytes = 0;
    bool big = false;
    bool good = false;  // else page size and salt are those that the frames show
    log_salt salt{};
};

unique_fd open_log(const path& file, int flags) {
    unique_fd opened(open((file.string() + "-wal").c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
    if (!opened && errno != ENOENT) {
        refuse(file, "its log (-wal) cannot be opened: " + std::generic_category().message(errno));
    }
    return opened;
}

bool read_at(const path& file, int fd, unsigned char* to, std::size_t bytes, off_t at) {
    for (std::size_t got = 0; got < bytes;) {
        const auto part = pread(fd, to + got, bytes - got, at + static_cast<off_t>(got));
        if (part < 0 && errno != EINTR) {
            refuse(file,
                   "its log (-wal) cannot be read: " + std::generic_category().message(errno));
        }
        if (part == 0) {
            return false;
        }
        got += part > 0 ? static_cast<std::size_t>(part) : 0;
    }
    return true;
}

constexpr std::uint32_t magic_little = 0x377f0682U;
constexpr std::uint32_t format_version = 3007000U;
constexpr std::size_t page_bytes_usual = 4096;

sums header_sums(const log_header& header) {
    return summer(header.big).add({}, header.bytes.data(), 24);
}

bool is_page_size(std::size_t bytes) {
    return std::has_single_bit(bytes) && bytes >= 512 && bytes <= 65536;
}

bool header_is_good(const log_header& header) {
    return (big_endian(header.bytes.data()) | 1U) == (magic_little | 1U) &&
           is_page_size(header.page_bytes) && header_sums(header) == read_sums(&header.bytes[24]);
}

sums sum_of_frame(bool big, sums before, const std::vector<unsigned char>& frame) {
    const summer sum(big);
    return sum.add(sum.add(before, frame.data(), 8), &frame[frame_header_bytes],
                   frame.size() - frame_header_bytes);
}

// Whether the frame's checksum goes on from the one that is stored before it: then its page and its
// page number are what was written here, whatever became of the frames before and of its salt.
bool goes_on_from(bool big, sums before, const std::vector<unsigned char>& frame) {
    return sum_of_frame(big, before, frame) == read_sums(&frame[16]);
}

// Of the first two neighbours that fit together.
std::optional<log_salt> salt_of_neighbours(const path& file, int fd, std::size_t page_bytes,
                                           bool big) {
    std::vector<unsigned char> frame(frame_header_bytes + page_bytes);
    std::optional<sums> before;
    for (off_t at = header_bytes; read_at(file, fd, frame.data(), frame.size(), at);
         at += static_cast<off_t>(frame.size())) {
        if (before && goes_on_from(big, *before, frame)) {
            return salt_of(&frame[8]);
        }
        before = read_sums(&frame[16]);
    }
    return std::nullopt;
}

// SQLite ignores all of a log whose header is bad, so what stands in such a one is not believed:
// neighbours tell it, whose checksums need no header. Without them there is one good frame at most.
void take_from_frames(const path& file, int fd, log_header& header) {
    for (const auto page_bytes : {header.page_bytes, page_bytes_usual}) {
        for (const bool big : {header.big, !header.big}) {
            const auto salt = is_page_size(page_bytes)
                                  ? salt_of_neighbours(file, fd, page_bytes, big)
                                  : std::nullopt;
            if (salt) {
                header.page_bytes = page_bytes;
                header.big = big;
                header.salt = *salt;
                return;
            }
        }
    }
    header.page_bytes = page_bytes_usual;
    std::array<unsigned char, frame_header_bytes> first{};
    if (read_at(file, fd, first.data(), first.size(), header_bytes)) {
        header.salt = salt_of(&first[8]);
    }
}

std::optional<log_header> read_log_header(const path& file, int fd) {
    log_header header;
    if (!read_at(file, fd, header.bytes.data(), header_bytes, 0)) {
        return std::nullopt;
    }
    header.big = big_endian(header.bytes.data()) == (magic_little | 1U);
    header.page_bytes = big_endian(&header.bytes[8]);
    header.salt = salt_of(&header.bytes[16]);
    header.good = header_is_good(header);
    if (!header.good) {
        take_from_frames(file, fd, header);
    }
    return header;
}

bool has_salt_of(const log_header& header, const unsigned char* frame) {
    return salt_of(frame + 8) == header.salt;
}

// An earlier round had both halves of the salt different: SQLite counts the first up and draws the
// second anew. A damaged salt has lost one of them.
bool is_of_this_round(const log_header& header, const unsigned char* frame) {
    const auto salt = salt_of(frame + 8);
    constexpr auto half = salt.size() / 2;
    return std::equal(salt.begin(), salt.begin() + half, header.salt.begin()) ||
           std::equal(salt.begin() + half, salt.end(), header.salt.begin() + half);
}

// Frames of an earlier round stand behind the last one of this; or before it, where a power cut
// came before all of a commit was written.
std::uint64_t count_frames(const path& file, int fd, const log_header& header) {
    std::uint64_t last = 0;
    std::array<unsigned char, frame_header_bytes> frame{};
    const auto step = static_cast<off_t>(frame_header_bytes + header.page_bytes);
    off_t at = header_bytes;
    for (std::uint64_t number = 1; read_at(file, fd, frame.data(), frame.size(), at); ++number) {
        last = is_of_this_round(header, frame.data()) ? number : last;
        at += step;
    }
    return last;
}

// Calls `use(frame, place, sums before it)` for each whole frame of this log; it returns the sums
// that the next frame goes on with.
void each_frame(const path& file, int fd, const log_header& header,
                const std::function<sums(std::vector<unsigned char>&, off_t, sums)>& use) {
    auto chain = header_sums(header);
    std::vector<unsigned char> frame(frame_header_bytes + header.page_bytes);
    off_t at = header_bytes;
    for (auto left = count_frames(file, fd, header); left > 0; --left) {
        if (!read_at(file, fd, frame.data(), frame.size(), at)) {
            return;
        }
        chain = use(frame, at, chain);
        at += static_cast<off_t>(frame.size());
    }
}

bool holds_anything(const path& file, int fd) {
    std::array<unsigned char, 4096> bytes{};
    for (off_t at = header_bytes;; at += static_cast<off_t>(bytes.size())) {
        bytes.fill(0);
        const bool more = read_at(file, fd, bytes.data(), bytes.size(), at);
        if (std::ranges::any_of(bytes, [](auto byte) { return byte != 0; })) {
            return true;
        }
        if (!more) {
            return false;
        }
    }
}

void write_all(const path& file, int fd, const unsigned char* from, std::size_t bytes, off_t at) {
    while (bytes > 0) {
        const auto part = pwrite(fd, from, bytes, at);
        if (part < 0 && errno != EINTR) {
            refuse(file,
                   "its log (-wal) cannot be written: " + std::generic_category().message(errno));
        }
        const auto done = part > 0 ? static_cast<std::size_t>(part) : 0;
        from += done;
        bytes -= done;
        at += static_cast<off_t>(done);
    }
}

void rewrite_header(const path& file, int fd, log_header& header) {
    put_big_endian(header.bytes.data(), magic_little | (header.big ? 1U : 0U));
    put_big_endian(&header.bytes[4], format_version);
    put_big_endian(&header.bytes[8], static_cast<std::uint32_t>(header.page_bytes));
    std::ranges::copy(header.salt, &header.bytes[16]);
    const auto sum = header_sums(header);
    put_big_endian(&header.bytes[24], sum.first);
    put_big_endian(&header.bytes[28], sum.second);
    write_all(file, fd, header.bytes.data(), header_bytes, 0);
}

// SQLite takes a log to end at a frame of no page, and leaves pages behind the end of the file
// alone.
constexpr std::uint32_t no_page = 0xfffffffeU;

// Frames of an earlier round, where a write was lost, and those whose page is not known are kept
// from being used.
void rewrite_sums(const path& file, int fd) {
    auto header = read_log_header(file, fd);
    if (!header) {
        return;
    }
    auto stored = read_sums(&header->bytes[24]);
    if (!header->good) {
        rewrite_header(file, fd, *header);
    }
    each_frame(file, fd, *header, [&](std::vector<unsigned char>& frame, off_t at, sums before) {
        const auto was = frame;
        if (!goes_on_from(header->big, stored, frame) && !is_of_this_round(*header, frame.data())) {
            put_big_endian(frame.data(), no_page);
            put_big_endian(&frame[4], 0);
        } else if (big_endian(frame.data()) == 0) {
            put_big_endian(frame.data(), no_page);
        }
        std::ranges::copy(header->salt, &frame[8]);
        stored = read_sums(&was[16]);
        const auto after = sum_of_frame(header->big, before, frame);
        put_big_endian(&frame[16], after.first);
        put_big_endian(&frame[20], after.second);
        if (frame != was) {
            write_all(file, fd, frame.data(), frame_header_bytes, at);
        }
        return after;
    });
}

unique_fd copy_of_log(const path& file, const path& to) {
    std::filesystem::copy_file(file.string() + "-wal", to,
                               std::filesystem::copy_options::overwrite_existing);
    unique_fd opened(open(to.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!opened) {
        refuse(file, "its log cannot be mended: " + std::generic_category().message(errno));
    }
    return opened;
}

void sync_log(const path& file, int fd) {
    if (fsync(fd) != 0) {
        refuse(file, "its log cannot be synced: " + std::generic_category().message(errno));
    }
}

}  // namespace

log_state examine_log(const path& file) {
    log_state state;
    const auto log = open_log(file, O_RDONLY);
    const auto header = log ? read_log_header(file, log.get()) : std::nullopt;
    if (!header) {
        return state;
    }
    state.broken = state.header_broken = !header->good;
    each_frame(
        file, log.get(), *header, [&](std::vector<unsigned char>& frame, off_t, sums before) {
            const auto expected = sum_of_frame(header->big, before, frame);
            state.broken = state.broken || expected != read_sums(&frame[16]) ||
                           !has_salt_of(*header, frame.data()) || big_endian(frame.data()) == 0;
            const bool commits =
                is_of_this_round(*header, frame.data()) && big_endian(&frame[4]) != 0;
            state.frames += state.broken ? 0 : 1;
            state.commits_lost += state.broken && commits ? 1 : 0;
            return expected;
        });
    if (state.header_broken && state.commits_lost == 0 && holds_anything(file, log.get())) {
        state.commits_lost = 1;  // at least: nothing is written before the header is on disk
    }
    return state;
}

void mend_log(const path& file, const path& kept) {
    const path mended = file.string() + "-wal.mended";
    const path log = file.string() + "-wal";
    sync_log(file, copy_of_log(file, kept).get());
    {
        const auto copy = copy_of_log(file, mended);
        rewrite_sums(file, copy.get());
        sync_log(file, copy.get());
    }
    std::filesystem::rename(mended, log);
    std::filesystem::remove(file.string() + "-shm");
    sync_directory(file.parent_path());
}

}  // namespace onboardd::sqlite
