internal import AdminAPI
internal import Gate
internal import ServiceLifecycle
internal import Synchronization

/// What is going on, of all gates together.
enum OverviewPage {
  static let all = [
    PageRoute("GET", "/", .viewer, handle: show),
    PageRoute("GET", "/overview/stream", .viewer, countsAsUse: false, handle: stream),
  ]

  private static let windows = [("1h", "1 hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days")]
  /// Between two events of a stream.
  private static let everySeconds = 5
  /// Then the browser comes again, and is asked anew who it is.
  private static let eventsMax = 120

  private static func window(_ visit: Visit) -> String {
    let wanted = visit.query("window")
    return windows.first { $0.0 == wanted }?.0 ?? "1h"
  }

  private static func show(_ visit: Visit) async throws -> ControlResponse {
    let window = window(visit)
    let choices = windows.map { name, text -> View in
      .object(["window": .text(name), "name": .text(text), "current": .flag(name == window)])
    }
    return visit.page(
      "Overview", "overview",
      ["windows": .list(choices), "window": .text(window), "live": await figures(visit, window)],
      section: .overview)
  }

  /// What changes from moment to moment, rendered anew every few seconds as one event.
  private static func stream(_ visit: Visit) async throws -> ControlResponse {
    guard let place = visit.dashboard.streams.take() else {
      throw Problem(.overloaded, "Too many pages are watching already.")
    }
    let window = window(visit)
    let first = Array("retry: 5000\n\n".utf8) + event(await figures(visit, window))
    let pages = PagedBody(first: first, cursor: "1") { count in
      try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(everySeconds)) }
      let number = Int(count) ?? 0
      // A session that ended in the meantime sees nothing more.
      guard !Task.isShuttingDownGracefully, number < eventsMax,
        try await visit.dashboard.session(of: visit.request, isUse: false, visit.logger) != nil
      else {
        place.giveBack()
        return ([], nil)
      }
      return (event(await figures(visit, window)), String(number + 1))
    }
    return ControlResponse(
      status: 200,
      headers: [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")] + PageHeaders.all,
      body: .pages(pages))
  }

  private static func event(_ figures: View) -> [UInt8] {
    let lines = Templates.render("overview-live", .object(["live": figures]))
      .split(separator: "\n", omittingEmptySubsequences: true)
    return Array(("event: figures\n" + lines.map { "data: \($0)\n" }.joined() + "\n").utf8)
  }

  private static func figures(_ visit: Visit, _ window: String) async -> View {
    let stats = await visit.part {
      statistics(try await visit.get("/admin/v1/stats", query: [("window", window)]))
    }
    let near = await visit.part {
      let list = try await visit.get("/admin/v1/budgets", query: [("order", "used_share"), ("limit", "8")])
      return .object(["items": .list(list.items.map(nearLimit))])
    }
    return .object(["stats": stats, "near": near, "at": .time(visit.now)])
  }

  private static func nearLimit(_ report: JSON) -> View {
    let isTenant = report["user"] == .null
    let id = (isTenant ? report["tenant"] : report["user"]) ?? .null
    let kind = isTenant ? "tenants" : "users"
    let bar = report["budget"].map { BudgetBar.view($0, name: "near-\(kind)-\(id.text ?? "")") } ?? .null
    return .object([
      "id": .text(id.text), "kind": .text(kind), "is_tenant": .flag(isTenant),
      "plan": .text(report["plan"]?.text), "budget": bar,
    ])
  }

  private static func statistics(_ stats: JSON) -> View {
    let points = stats["series"]?.items ?? []
    let step = stats["series"]?["step_s"]?.number ?? 60
    let starts = points.map { Instant(rfc3339: $0["start"]?.text ?? "") ?? Instant(seconds: 0) }
    let isLong = step >= 3_600
    let feet = starts.map { isLong ? Wording.shortDay($0) : Wording.clock($0) }
    let labels = starts.map { isLong ? Wording.time($0) : "\(Wording.clock($0)) UTC" }
    func values(_ name: String) -> [Int64] { points.map { $0[name]?.number ?? 0 } }
    let each = step == 60 ? "per minute" : "per \(Wording.span(milliseconds: step * 1_000))"
    let decisions = ColumnChart(
      name: "decisions", title: "Decisions \(each), by outcome", unit: "decisions \(each)", feet: feet,
      labels: labels,
      series: [
        .init(name: "allowed", color: "c1", values: values("allowed")),
        .init(name: "denied", color: "c2", values: values("denied")),
        .init(name: "unavailable", color: "c3", values: values("unavailable")),
      ], breadth: .half)
    let latency = LineChart(
      name: "latency", title: "Latency of checks", unit: "ms", feet: feet, labels: labels,
      series: [
        .init(name: "half below (p50)", color: "c1", values: points.map { $0["p50_ms"]?.double }),
        .init(name: "99 of 100 below (p99)", color: "c2", values: points.map { $0["p99_ms"]?.double }),
      ], breadth: .half)
    return View(stats).with([
      "decisions_chart": decisions.view, "latency_chart": latency.view,
      "outcomes": .list(outcomes(stats["decisions"])), "total": .number(total(stats["decisions"])),
      "denied_total": .number(values("denied").reduce(0, +)),
    ])
  }

  private static func total(_ decisions: JSON?) -> Int64 {
    (decisions?.members ?? []).reduce(0) { $0 + ($1.value.number ?? 0) }
  }

  /// Those that there were, the most first.
  private static func outcomes(_ decisions: JSON?) -> [View] {
    let counts = (decisions?.members ?? []).map { (name: $0.name, count: $0.value.number ?? 0) }
    return counts.filter { $0.count > 0 }.sorted { ($0.count, $1.name) > ($1.count, $0.name) }.map {
      .object(["name": .text($0.name), "count": .number($0.count)])
    }
  }
}

/// How many pages watch at once: each holds a connection, and asks for the figures again and again.
final class OpenStreams: Sendable {
  static let max = 32
  private let count = Mutex(0)

  /// A place among them, given back at the stream's end or when nobody holds it any more.
  final class Place: Sendable {
    private let owner: OpenStreams
    private let isTaken = Mutex(true)
    init(_ owner: OpenStreams) { self.owner = owner }
    func giveBack() {
      guard
        isTaken.withLock({ taken in
          taken
            ? {
              taken = false; return true
            }() : false
        })
      else { return }
      owner.count.withLock { $0 -= 1 }
    }
    deinit { giveBack() }
  }

  func take() -> Place? {
    let isFree = count.withLock { count in
      guard count < OpenStreams.max else { return false }
      count += 1
      return true
    }
    return isFree ? Place(self) : nil
  }
}
