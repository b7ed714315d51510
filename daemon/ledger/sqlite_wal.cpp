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

// Of the frame with this number, from 0.
std::optional<log_salt> salt_of_frame(const path& file, int fd, std::size_t page_bytes,
                                      std::size_t number) {
    std::array<unsigned char, frame_header_bytes> frame{};
    const auto at = header_bytes + number * (frame_header_bytes + page_bytes);
    return read_at(file, fd, frame.data(), frame.size(), static_cast<off_t>(at))
               ? std::optional(salt_of(&frame[8]))
               : std::nullopt;
}

// SQLite ignores all of a log whose header is bad, so what stands in such a one is not believed
// unless the frames agree.
void take_from_frames(const path& file, int fd, log_header& header) {
    const auto first = salt_of_frame(file, fd, page_bytes_usual, 0);
    const bool agrees =
        is_page_size(header.page_bytes) && salt_of_frame(file, fd, header.page_bytes, 1) == first;
    header.page_bytes = agrees ? header.page_bytes : page_bytes_usual;
    if (first && salt_of_frame(file, fd, header.page_bytes, 1) != header.salt) {
        header.salt = *first;
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

// Calls `use(frame, expected sums)` for each whole frame of this log; it returns the sums that the
// next frame goes on with.
void each_frame(const path& file, int fd, const log_header& header,
                const std::function<sums(std::vector<unsigned char>&, off_t, sums)>& use) {
    const summer sum(header.big);
    auto chain = header_sums(header);
    std::vector<unsigned char> frame(frame_header_bytes + header.page_bytes);
    off_t at = header_bytes;
    for (auto left = count_frames(file, fd, header); left > 0; --left) {
        if (!read_at(file, fd, frame.data(), frame.size(), at)) {
            return;
        }
        auto expected = sum.add(chain, frame.data(), 8);
        expected = sum.add(expected, &frame[frame_header_bytes], header.page_bytes);
        chain = use(frame, at, expected);
        at += static_cast<off_t>(frame.size());
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

void rewrite_sums(const path& file, int fd) {
    auto header = read_log_header(file, fd);
    if (!header) {
        return;
    }
    if (!header->good) {
        rewrite_header(file, fd, *header);
    }
    each_frame(file, fd, *header, [&](std::vector<unsigned char>& frame, off_t at, sums expected) {
        if (expected != read_sums(&frame[16]) || !has_salt_of(*header, frame.data())) {
            std::ranges::copy(header->salt, &frame[8]);
            put_big_endian(&frame[16], expected.first);
            put_big_endian(&frame[20], expected.second);
            write_all(file, fd, &frame[8], 16, at + 8);
        }
        return expected;
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
    each_frame(file, log.get(), *header,
               [&](std::vector<unsigned char>& frame, off_t, sums expected) {
                   state.broken = state.broken || expected != read_sums(&frame[16]) ||
                                  !has_salt_of(*header, frame.data());
                   const bool commits =
                       is_of_this_round(*header, frame.data()) && big_endian(&frame[4]) != 0;
                   state.frames += state.broken ? 0 : 1;
                   state.commits_lost += state.broken && commits ? 1 : 0;
                   return expected;
               });
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
