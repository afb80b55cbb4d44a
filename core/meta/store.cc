// SPDX-License-Identifier: Apache-2.0
#include "core/meta/store.h"

namespace klog::meta {

using base::Result;
using runtime::Task;

namespace {

std::vector<Operation> only(Operation operation) {
    std::vector<Operation> operations;
    operations.push_back(std::move(operation));
    return operations;
}

}  // namespace

Task<Result<Outcome>> Store::create(Create operation) {
    KLOG_CO_TRY(auto outcomes, co_await multi(only(std::move(operation))));
    co_return std::move(outcomes.front());
}

Task<Result<Stat>> Store::set(Set operation) {
    KLOG_CO_TRY(auto outcomes, co_await multi(only(std::move(operation))));
    co_return outcomes.front().stat;
}

Task<Result<>> Store::remove(Remove operation) {
    KLOG_CO_TRY_VOID(co_await multi(only(std::move(operation))));
    co_return Result<>();
}

}  // namespace klog::meta
