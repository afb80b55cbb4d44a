// SPDX-License-Identifier: Apache-2.0
#include "core/replica/watch.h"

#include "core/base/check.h"
#include "core/runtime/root.h"

namespace klog::replica {

/// One registration: linked in the partition's list while that lives, and in the session's list once it has changed.
struct ChangeList::Entry {
    ChangeList* list = nullptr;
    WatchList* partition = nullptr;  // Null: the partition is gone.
    Entry* before = nullptr;
    Entry* after = nullptr;
    std::uint64_t token = 0;
    ChangeMask mask = 0;
    bool pending = false;
    std::size_t place = 0;  // In changed_, while pending.
};

ChangeList::~ChangeList() {
    KLOG_CHECK(registered_ == 0 || runtime::detail::Teardown::active(), "registrations end before their list");
}

std::vector<std::uint64_t> ChangeList::take() {
    std::vector<std::uint64_t> tokens;
    tokens.reserve(changed_.size());
    for (Entry* entry : changed_) {
        if (entry == nullptr) continue;  // Its registration ended meanwhile.
        entry->pending = false;
        tokens.push_back(entry->token);
    }
    changed_.clear();
    return tokens;
}

void ChangeList::add(Entry& entry) {
    if (entry.pending) return;
    entry.pending = true;
    entry.place = changed_.size();
    changed_.push_back(&entry);
    if (changed_.size() == 1 && on_first_) on_first_();
}

Registration::Registration(std::unique_ptr<ChangeList::Entry> entry) : entry_(std::move(entry)) {}
Registration::Registration() = default;
Registration::Registration(Registration&& other) noexcept = default;

Registration& Registration::operator=(Registration&& other) noexcept {
    if (this != &other) {
        reset();
        entry_ = std::move(other.entry_);
    }
    return *this;
}

Registration::~Registration() { reset(); }

void Registration::reset() {
    if (!entry_) return;
    if (entry_->partition != nullptr) entry_->partition->unlink(*entry_);
    if (entry_->pending) entry_->list->changed_[entry_->place] = nullptr;
    --entry_->list->registered_;
    entry_.reset();
}

WatchList::~WatchList() {
    notify(change_leadership);
    while (first_ != nullptr) unlink(*first_);
}

Registration WatchList::add(ChangeList& list, std::uint64_t token, ChangeMask mask) {
    auto entry = std::make_unique<ChangeList::Entry>();
    entry->list = &list;
    entry->partition = this;
    entry->token = token;
    entry->mask = static_cast<ChangeMask>(mask | change_leadership);
    entry->after = first_;
    if (first_ != nullptr) first_->before = entry.get();
    first_ = entry.get();
    ++size_;
    ++list.registered_;
    return Registration(std::move(entry));
}

void WatchList::notify(ChangeMask what) {
    for (auto* entry = first_; entry != nullptr; entry = entry->after) {
        if ((entry->mask & what) != 0) entry->list->add(*entry);
    }
}

void WatchList::unlink(ChangeList::Entry& entry) {
    (entry.before != nullptr ? entry.before->after : first_) = entry.after;
    if (entry.after != nullptr) entry.after->before = entry.before;
    entry.partition = nullptr;
    --size_;
}

}  // namespace klog::replica
