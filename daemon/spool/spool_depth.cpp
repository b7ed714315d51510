#include "onboardd/spool/spool_depth.hpp"

#include <fcntl.h>

#include <algorithm>

#include "daemon/spool/directory_stream.hpp"

namespace onboardd {
namespace {

using namespace spooling;

bool is_directory(int where, const directory_entry& entry) {
    if (entry.type != DT_UNKNOWN) {
        return entry.type == DT_DIR;
    }
    const auto status = status_of(where, entry.name);
    return status && S_ISDIR(status->st_mode);
}

void count_file(int where, const directory_entry& entry, spool_depth& seen) {
    if (seen.files++ >= spool_dated_max) {
        return;
    }
    if (const auto status = status_of(where, entry.name)) {
        const auto at = modified_at(*status);
        seen.oldest = std::min(seen.oldest.value_or(at), at);
    }
}

// Batches are directories of incoming/ itself; those below them are not the intake's either.
void count_in(int where, bool with_batches, spool_depth& seen) {
    auto names = directory_stream::open(where);
    while (names && seen.files < spool_files_max) {
        const auto entry = names->next();
        if (!entry || *entry == nullptr) {
            return;
        }
        if (!is_directory(where, **entry)) {
            count_file(where, **entry, seen);
        } else if (with_batches) {
            if (const auto batch = open_directory_beneath(where, (*entry)->name)) {
                count_in(batch->get(), false, seen);
            }
        }
    }
}

}  // namespace

spool_depth look_at_spool(const std::filesystem::path& directory) {
    spool_depth seen;
    const unique_fd incoming(
        ::open((directory / "incoming").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (incoming) {
        count_in(incoming.get(), true, seen);
    }
    return seen;
}

}  // namespace onboardd
