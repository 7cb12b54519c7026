import Events
import Gate
import Signatures
import Testing

/// What is decided without a network: times, meanings of answers, and what is sent.
@Suite struct ScheduleTests {
  static let now = Instant(seconds: 1_796_083_200)

  /// The example schedule of Standard Webhooks, as times since the start.
  @Test func theScheduleOfTheSpecification() throws {
    var time = Self.now
    var since: [Int64] = [0]
    for attempt in 1..<DeliverySchedule.attemptsMax {
      time = try #require(DeliverySchedule.next(after: attempt, at: time, jitter: 0))
      since.append(time.seconds - Self.now.seconds)
    }
    func seconds(_ hours: Int64, _ minutes: Int64, _ seconds: Int64) -> Int64 {
      hours * 3600 + minutes * 60 + seconds
    }
    #expect(
      since == [
        0, 5, seconds(0, 5, 5), seconds(0, 35, 5), seconds(2, 35, 5), seconds(7, 35, 5), seconds(17, 35, 5),
        seconds(31, 35, 5), seconds(51, 35, 5), seconds(75, 35, 5),
      ])
    #expect(DeliverySchedule.next(after: DeliverySchedule.attemptsMax, at: time, jitter: 0) == nil)
    #expect(DeliverySchedule.next(after: .max, at: time, jitter: 0) == nil)
  }

  @Test(arguments: [(0.0, 300_000), (0.5, 330_000), (1.0, 360_000), (9.0, 360_000), (-1.0, 300_000)])
  func jitterOnlyDelays(jitter: Double, milliseconds: Int64) {
    let next = DeliverySchedule.next(after: 2, at: Self.now, jitter: jitter)
    #expect(next?.milliseconds == Self.now.milliseconds + milliseconds)
  }

  @Test(arguments: [(nil, 5), (0, 5), (4, 5), (60, 60), (.max, 86_400)] as [(Int64?, Int64)])
  func retryAfterOnlyDelays(asked: Int64?, seconds: Int64) {
    let next = DeliverySchedule.next(after: 1, at: Self.now, jitter: 0, retryAfterSeconds: asked)
    #expect(next == Self.now.advanced(seconds: seconds))
  }

  @Test func onlyTwoHundredsAreASuccess() {
    for status in 100..<600 {
      let judgement = AttemptJudgement(WebhookReply(status: status), attempt: 1, now: Self.now, jitter: 0)
      switch judgement.end {
      case .delivered(let code): #expect((200..<300).contains(status) && code == Int64(status))
      case .retry(let next, let code, let error):
        #expect(!(200..<300).contains(status) && code == Int64(status) && !error.isEmpty)
        #expect(next == Self.now.advanced(seconds: 5))
      default: Issue.record("\(status): \(judgement)")
      }
      #expect(judgement.pausesTarget == (status == 410))
    }
  }

  @Test func theLastAttemptIsTheLast() {
    let last = DeliverySchedule.attemptsMax
    let answered = AttemptJudgement(WebhookReply(status: 500), attempt: last, now: Self.now, jitter: 0)
    #expect(answered.end == .failed(status: 500, error: "the target answered 500"))
    let silent = AttemptJudgement(WebhookFailure("no answer"), attempt: last + 7, now: Self.now, jitter: 0)
    #expect(silent.end == .failed(status: nil, error: "no answer"))
  }

  @Test func whatIsSent() throws {
    let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
    let target = DeliveryTarget(
      target: EventTarget(name: "crm"), url: "https://example.com/h", secrets: try SigningSecrets(secrets),
      timeoutMilliseconds: 700)
    let request = EventMessage.request(
      id: "evt_1", type: "budget.threshold_reached", occurredAt: Self.now.advanced(seconds: -60),
      data: #"{"percent": 80}"#, to: target, now: Self.now)
    let body =
      #"{"type":"budget.threshold_reached","timestamp":"2026-11-30T23:59:00Z","data":{"percent": 80}}"#
    #expect(request.url == "https://example.com/h" && request.timeoutMilliseconds == 700)
    #expect(String(decoding: request.body, as: UTF8.self) == body)
    let headers = Dictionary(uniqueKeysWithValues: request.headers.map { ($0.name, $0.value) })
    #expect(headers["webhook-id"] == "evt_1" && headers["webhook-timestamp"] == "1796083200")
    #expect(headers["content-type"] == "application/json")
    let signature = StandardWebhookSignature.sign(
      id: "evt_1", timestamp: 1_796_083_200, body: Array(body.utf8), secrets: try SigningSecrets(secrets))
    #expect(headers["webhook-signature"] == signature && signature.split(separator: " ").count == 2)
  }

  @Test func failuresAreShortAndOneLine() {
    let failure = WebhookFailure("a\n b\t" + String(repeating: "c", count: 500))
    #expect(failure.description.hasPrefix("a b ccc") && failure.description.count == 200)
  }
}
