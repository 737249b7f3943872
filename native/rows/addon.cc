// The addon: faiss-node's classes, and `PanelRows` (shard-server/index/panel-rows.ts) and `trimMemory` (trim-memory.ts beside it).
#include <napi.h>

#include <limits>
#include <string>

#include "panel-index.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

// faiss-node's own entry, which the build renames.
extern "C" napi_value maksdb_faiss_node_init(napi_env env, napi_value exports);

namespace maksdb {
namespace {

struct Batch {
  std::vector<std::vector<float>> vectors;
  std::vector<Query> queries;
  double longest_row;
};

/// Whatever thread made it, an answer goes to JavaScript as four arrays.
Napi::Value to_javascript(Napi::Env env, const std::vector<Answer>& answers) {
  size_t sum = 0;
  for (const Answer& answer : answers) sum += answer.found.size();
  auto complete = Napi::Uint8Array::New(env, answers.size());
  auto counts = Napi::Uint32Array::New(env, answers.size());
  auto rows = Napi::Uint32Array::New(env, sum);
  auto distances = Napi::Float64Array::New(env, sum);
  size_t at = 0;
  for (size_t i = 0; i < answers.size(); i++) {
    complete[i] = answers[i].complete ? 1 : 0;
    counts[i] = static_cast<uint32_t>(answers[i].found.size());
    for (const Found& found : answers[i].found) {
      rows[at] = found.row;
      distances[at++] = found.distance;
    }
  }
  auto result = Napi::Object::New(env);
  result.Set("complete", complete);
  result.Set("counts", counts);
  result.Set("rows", rows);
  result.Set("distances", distances);
  return result;
}

class PanelRows : public Napi::ObjectWrap<PanelRows> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PanelRows",
                       {InstanceAccessor<&PanelRows::first>("first"), InstanceAccessor<&PanelRows::size>("size"),
                        InstanceAccessor<&PanelRows::chunk_rows>("chunkRows"), InstanceAccessor<&PanelRows::bytes>("bytes"),
                        InstanceAccessor<&PanelRows::kernel>("kernel"), InstanceMethod<&PanelRows::append>("append"),
                        InstanceMethod<&PanelRows::drop_first>("dropFirst"), InstanceMethod<&PanelRows::read>("read"), InstanceMethod<&PanelRows::search>("search"),
                        InstanceMethod<&PanelRows::search_sync>("searchSync"),
                        StaticAccessor<&PanelRows::kernels_here>("kernels")});
  }

  explicit PanelRows(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PanelRows>(info) {
    const Napi::Env env = info.Env();
    const int dimension = info[0].As<Napi::Number>().Int32Value();
    const std::string metric = info[1].As<Napi::String>();
    const std::string name = info.Length() > 2 && info[2].IsString() ? info[2].As<Napi::String>() : std::string();
    const int64_t chunk_rows = info.Length() > 3 && info[3].IsNumber() ? info[3].As<Napi::Number>().Int64Value() : 0;
    const Kernel* kernel = kernel_of(name.empty() ? nullptr : name.c_str());
    if (dimension < 1) throw Napi::RangeError::New(env, "a row has at least one value");
    if (metric != "L2" && metric != "InnerProduct") throw Napi::TypeError::New(env, "no metric " + metric);
    if (kernel == nullptr) throw Napi::RangeError::New(env, "no kernel " + name + " on this processor");
    if (chunk_rows < 0 || chunk_rows % static_cast<int64_t>(CHUNK_ROWS_STEP) != 0)
      throw Napi::RangeError::New(env, "a chunk has a multiple of 32 rows");
    index_ = std::make_shared<PanelIndex>(dimension, metric == "L2" ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT, kernel,
                                          static_cast<size_t>(chunk_rows));
  }

 private:
  Napi::Value first(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(index_->store().first()));
  }

  Napi::Value chunk_rows(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(index_->store().chunk_rows()));
  }

  Napi::Value size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(index_->store().rows()));
  }

  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(index_->store().bytes()));
  }

  Napi::Value kernel(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), index_->kernel().name); }

  static Napi::Value kernels_here(const Napi::CallbackInfo& info) {
    auto names = Napi::Array::New(info.Env());
    uint32_t at = 0;
    for (const Kernel& kernel : kernels())
      if (kernel.runs_here()) names.Set(at++, kernel.name);
    return names;
  }

  void append(const Napi::CallbackInfo& info) {
    const auto vectors = info[0].As<Napi::Float32Array>();
    const size_t d = static_cast<size_t>(index_->d);
    if (vectors.ElementLength() % d != 0) throw Napi::RangeError::New(info.Env(), "not whole rows");
    if (index_->store().rows() + vectors.ElementLength() / d > std::numeric_limits<uint32_t>::max())
      throw Napi::RangeError::New(info.Env(), "row numbers have 32 bits");
    index_->add(static_cast<faiss::Index::idx_t>(vectors.ElementLength() / d), vectors.Data());
    account(info.Env());
  }

  void drop_first(const Napi::CallbackInfo& info) {
    if (!index_->drop_first()) throw Napi::RangeError::New(info.Env(), "the oldest chunk is not full");
    account(info.Env());
  }

  /// Tells the garbage collector what this object keeps outside of its heap.
  void account(Napi::Env env) {
    const auto bytes = static_cast<int64_t>(index_->store().bytes());
    if (bytes != accounted_) Napi::MemoryManagement::AdjustExternalMemory(env, bytes - accounted_);
    accounted_ = bytes;
  }

 public:
  void Finalize(Napi::Env env) override {
    if (accounted_ > 0) Napi::MemoryManagement::AdjustExternalMemory(env, -accounted_);
  }

 private:

  void read(const Napi::CallbackInfo& info) {
    const auto first = info[0].As<Napi::Number>().Int64Value() - static_cast<int64_t>(index_->store().first());
    auto into = info[1].As<Napi::Float32Array>();
    const auto count = static_cast<int64_t>(into.ElementLength() / static_cast<size_t>(index_->d));
    if (first < 0 || first + count > index_->ntotal || into.ElementLength() % static_cast<size_t>(index_->d) != 0)
      throw Napi::RangeError::New(info.Env(), "no such rows");
    index_->reconstruct_n(first, count, into.Data());
  }

  /// (vectors: Float32Array[], the k of each, longest row, masks: Uint32Array[], the mask of each query): all of it is copied.
  Batch batch_of(const Napi::CallbackInfo& info) const {
    const Napi::Env env = info.Env();
    const auto vectors = info[0].As<Napi::Array>();
    const auto wanted = info[1].As<Napi::Uint32Array>();
    const auto masks = info[3].As<Napi::Array>();
    const auto mask_numbers = info[4].As<Napi::Uint32Array>();
    if (mask_numbers.ElementLength() != vectors.Length() || wanted.ElementLength() != vectors.Length())
      throw Napi::RangeError::New(env, "a query has one mask and one k");
    const size_t rows = index_->store().rows();
    std::vector<std::shared_ptr<const Mask>> shared;
    for (uint32_t i = 0; i < masks.Length(); i++) {
      const auto words = masks.Get(i).As<Napi::Uint32Array>();
      shared.push_back(std::make_shared<const Mask>(mask_of(words.Data(), words.ElementLength(), rows)));
    }
    Batch batch{{}, {}, info[2].As<Napi::Number>()};
    for (uint32_t i = 0; i < vectors.Length(); i++) {
      const auto vector = vectors.Get(i).As<Napi::Float32Array>();
      if (vector.ElementLength() != static_cast<size_t>(index_->d) || mask_numbers[i] >= shared.size())
        throw Napi::RangeError::New(env, "the query does not fit the rows");
      batch.vectors.emplace_back(vector.Data(), vector.Data() + vector.ElementLength());
    }
    for (uint32_t i = 0; i < vectors.Length(); i++) 
      batch.queries.push_back({batch.vectors[i].data(), wanted[i], shared[mask_numbers[i]]});
    return batch;
  }

  static std::vector<Answer> answers_of(const PanelIndex& index, const PanelView& view, const Batch& batch) {
    return maksdb::search(view, index.store(), batch.queries, {index.l2(), batch.longest_row, &index.kernel()});
  }

  Napi::Value search_sync(const Napi::CallbackInfo& info) {
    const Batch batch = batch_of(info);
    return to_javascript(info.Env(), answers_of(*index_, index_->store().view(), batch));
  }

  /// On a thread of libuv's pool; holds the rows as they are now.
  class Search : public Napi::AsyncWorker {
   public:
    Search(Napi::Env env, std::shared_ptr<const PanelIndex> index, Batch batch)
        : Napi::AsyncWorker(env, "maksdb.search"),
          deferred_(Napi::Promise::Deferred::New(env)),
          index_(std::move(index)),
          view_(index_->store().view()),
          batch_(std::move(batch)) {}

    Napi::Promise promise() const { return deferred_.Promise(); }
    void Execute() override { answers_ = answers_of(*index_, view_, batch_); }
    void OnOK() override { deferred_.Resolve(to_javascript(Env(), answers_)); }
    void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

   private:
    Napi::Promise::Deferred deferred_;
    std::shared_ptr<const PanelIndex> index_;
    PanelView view_;
    Batch batch_;
    std::vector<Answer> answers_;
  };

  Napi::Value search(const Napi::CallbackInfo& info) {
    auto* worker = new Search(info.Env(), index_, batch_of(info));
    const Napi::Promise promise = worker->promise();
    worker->Queue();
    return promise;
  }

  std::shared_ptr<PanelIndex> index_;
  /// Bytes that the garbage collector has been told of.
  int64_t accounted_ = 0;
};

void trim_memory(const Napi::CallbackInfo&) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  maksdb_faiss_node_init(env, exports);
  exports.Set("PanelRows", PanelRows::define(env));
  exports.Set("trimMemory", Napi::Function::New(env, trim_memory));
  return exports;
}

}  // namespace
}  // namespace maksdb

NAPI_MODULE_INIT() { return Napi::RegisterModule(env, exports, maksdb::init); }
