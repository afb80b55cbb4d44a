// SPDX-License-Identifier: Apache-2.0
#include "core/log/transaction_index.h"

#include "core/base/big_endian.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Result;

namespace {
constexpr std::int16_t version = 0;
}

void format_transaction(std::string& out, const AbortedTransaction& transaction) {
    char bytes[transaction_entry_bytes];
    base::store_big(bytes, version);
    base::store_big(bytes + 2, transaction.producer_id.value);
    base::store_big(bytes + 10, transaction.first_offset.value);
    base::store_big(bytes + 18, transaction.last_offset.value);
    base::store_big(bytes + 26, transaction.last_stable_offset.value);
    out.append(bytes, sizeof bytes);
}

Result<std::vector<AbortedTransaction>> parse_transactions(std::string_view bytes) {
    if (bytes.size() % transaction_entry_bytes != 0)
        return fail(Errc::corrupt, "{} bytes are no whole entries", bytes.size());
    std::vector<AbortedTransaction> all;
    for (; !bytes.empty(); bytes.remove_prefix(transaction_entry_bytes)) {
        const auto found = base::load_big<std::int16_t>(bytes.data());
        if (found != version) return fail(Errc::corrupt, "an entry of version {}", found);
        const AbortedTransaction entry{{base::load_big<std::int64_t>(bytes.data() + 2)},
                                       {base::load_big<std::int64_t>(bytes.data() + 10)},
                                       {base::load_big<std::int64_t>(bytes.data() + 18)},
                                       {base::load_big<std::int64_t>(bytes.data() + 26)}};
        if (!all.empty() && entry.last_offset <= all.back().last_offset)
            return fail(Errc::corrupt, "markers at {} and then at {}", all.back().last_offset, entry.last_offset);
        all.push_back(entry);
    }
    return all;
}

}  // namespace klog::log
