internal import Gate
internal import NIOCore

/// `RateLimit-Policy` and `RateLimit` on 200 and 429.
/// Source: draft-ietf-httpapi-ratelimit-headers-10. `t` of the request rate is its window, for that is what
/// `r` is counted against; of a refusal, the seconds until it is worth trying again.
struct RateLimitHeaders {
  let requests: WindowLimit?
  let numbers: CheckNumbers
  let isRequestRateUsedUp: Bool
  /// The budget isn't known: what counts is the allowance of a gate without its counters.
  var isDegraded = false

  func write(into out: inout ByteBuffer) {
    let limited = requests != nil && numbers.requestsLeft != nil
    out.writeStaticString("RateLimit-Policy: ")
    if let requests, limited {
      out.writeStaticString("\"requests\";q=")
      out.json(requests.count)
      out.writeStaticString(";w=")
      out.json(requests.windowSeconds)
      out.writeStaticString(", ")
    }
    out.writeStaticString(isDegraded ? "\"degraded\";q=" : "\"budget\";q=")
    out.json(numbers.budget.limit)
    if numbers.periodSeconds > 0 {
      out.writeStaticString(";w=")
      out.json(numbers.periodSeconds)
    }
    out.writeStaticString(";tollgate-unit=\"tokens\"\r\nRateLimit: ")
    if let requests, limited {
      out.writeStaticString("\"requests\";r=")
      out.json(numbers.requestsLeft ?? 0)
      out.writeStaticString(";t=")
      out.json(isRequestRateUsedUp ? numbers.retryAfterSeconds : requests.windowSeconds)
      out.writeStaticString(", ")
    }
    out.writeStaticString(isDegraded ? "\"degraded\";r=" : "\"budget\";r=")
    out.json(numbers.budget.remaining)
    if let seconds = numbers.secondsToReset {
      out.writeStaticString(";t=")
      out.json(seconds)
    }
    out.writeStaticString("\r\n")
  }
}

extension CheckNumbers {
  /// At least 1: a retry at once would only be refused again.
  var retryAfterSeconds: Int64 { max(1, (retryAfterMilliseconds + 999) / 1000) }

  /// Seconds until the budget resets, rounded up; nil when no reset is scheduled.
  var secondsToReset: Int64? {
    budget.resetsAt.map { max(0, ($0.milliseconds - now.milliseconds + 999) / 1000) }
  }
}
