"""Holds the fake Stripe, and Tollgate's own verification, to Stripe's official Python client.

    official_client.py fake PATH-OF-STRIPE-FAKE      requests, answers and signatures of the fake
    official_client.py gate http://gate SECRET       what the client signs is what the gate accepts
"""

import http.server
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import stripe

API_KEY = "sk_test_official_client"
SECRETS = ["whsec_official_client_new", "whsec_official_client_old"]
DEADLINE_S = 20


def fails(kind, call, **wanted):
    """Calls, and returns the error of that kind whose attributes are as wanted."""
    try:
        call()
    except kind as error:
        for name, value in wanted.items():
            assert getattr(error, name) == value, f"{name}: {getattr(error, name)!r}, not {value!r}"
        return error
    raise AssertionError(f"no {kind.__name__}")


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook endpoint that keeps what it is sent."""

    def __init__(self):
        self.posts = queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.put((body, self.headers["Stripe-Signature"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook"

    def event(self, kind, about=None):
        """The next event of that type (about that object), verified by the client with each secret."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            body, signature = self.posts.get(timeout=max(0.001, deadline - time.monotonic()))
            for secret in SECRETS:
                stripe.Webhook.construct_event(body, signature, secret)
            event = json.loads(body)
            if event["type"] == kind and (about is None or event["data"]["object"]["id"] == about):
                return event, body, signature


def check_signatures(receiver, client):
    customer = client.v1.customers.create(params={"email": "signed@example.com", "name": "Zoë 🚀"})
    event, body, signature = receiver.event("customer.created", customer.id)
    assert event["data"]["object"]["email"] == "signed@example.com"
    assert event["data"]["object"]["name"] == "Zoë 🚀"
    parsed = stripe.Webhook.construct_event(body, signature, SECRETS[0])
    assert parsed.type == "customer.created" and parsed.data.object.id == customer.id
    assert parsed.livemode is False
    forged = stripe.SignatureVerificationError
    fails(forged, lambda: stripe.Webhook.construct_event(body + b" ", signature, SECRETS[0]))
    fails(forged, lambda: stripe.Webhook.construct_event(body, signature, "whsec_another_secret"))
    stamp = int(re.match(r"t=(\d+),v1=", signature).group(1))
    assert abs(stamp - time.time()) < DEADLINE_S
    expected = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", SECRETS[1])
    assert f"v1={expected}" in signature


def check_customers(client):
    made = [client.v1.customers.create(params={"email": f"c{number}@example.com"}) for number in range(5)]
    found = client.v1.customers.list(params={"email": "c3@example.com"})
    assert [customer.id for customer in found.data] == [made[3].id]
    page = client.v1.customers.list(params={"limit": 2})
    assert len(page.data) == 2 and page.has_more
    ids = [customer.id for customer in page.auto_paging_iter()]
    assert len(ids) == len(set(ids)) and ids[:5] == [customer.id for customer in reversed(made)]
    client.v1.customers.update(made[0].id, params={"metadata": {"user_id": "u1", "gone": "x"}})
    after = client.v1.customers.update(made[0].id, params={"metadata": {"gone": ""}, "name": "One"})
    assert after.metadata.to_dict() == {"user_id": "u1"} and after.name == "One"
    assert client.v1.customers.delete(made[1].id).deleted
    assert client.v1.customers.retrieve(made[1].id).deleted
    missing = stripe.InvalidRequestError
    fails(
        missing, lambda: client.v1.customers.retrieve("cus_none"), http_status=404, code="resource_missing", param="id"
    )
    error = fails(missing, lambda: client.v1.customers.create(params={"emial": "x"}), code="parameter_unknown")
    assert error.param == "emial" and error.request_id.startswith("req_")


def check_checkout(client, base, receiver):
    customer = client.v1.customers.create(params={"email": "buyer@example.com", "metadata": {"user_id": "u9"}})
    session = client.v1.checkout.sessions.create(
        params={
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": "price_pro", "quantity": 2}],
            "success_url": "https://app.example.com/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://app.example.com/",
            "client_reference_id": "u9",
            "metadata": {"user_id": "u9"},
            "subscription_data": {"metadata": {"user_id": "u9"}},
            "billing_address_collection": "required",
        }
    )
    assert session.status == "open" and session.url.startswith(base)
    items = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(item.price.id, item.quantity) for item in items.data] == [("price_pro", 2)]
    target = press(session.url, "Pay")
    assert target == f"https://app.example.com/done?session={session.id}"
    event, _, _ = receiver.event("checkout.session.completed", session.id)
    assert event["data"]["object"]["payment_status"] == "paid"
    session = client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["subscription", "line_items"]})
    assert session.status == "complete" and session.subscription.status == "active"
    assert session.subscription.metadata.to_dict() == {"user_id": "u9"}
    assert session.line_items.data[0].price.unit_amount == 2000
    other = client.v1.checkout.sessions.create(
        params={
            "mode": "payment",
            "line_items": [{"price": "price_pack", "quantity": 1}],
            "success_url": "https://app.example.com/",
        }
    )
    assert client.v1.checkout.sessions.expire(other.id).status == "expired"
    fails(
        stripe.InvalidRequestError,
        lambda: client.v1.checkout.sessions.create(params={"mode": "subscription", "success_url": "https://x.example"}),
        code="parameter_missing",
        param="line_items",
    )
    return customer, session.subscription


def check_subscriptions(client, customer, subscription):
    item = subscription["items"].data[0]
    assert item.quantity == 2 and item.current_period_end > item.current_period_start
    changed = client.v1.subscriptions.update(
        subscription.id,
        params={
            "items": [{"id": item.id, "price": "price_team", "quantity": 3}],
            "proration_behavior": "always_invoice",
            "metadata": {"note": "up"},
        },
    )
    assert changed["items"].data[0].price.id == "price_team" and changed.metadata.to_dict()["note"] == "up"
    invoice = client.v1.invoices.retrieve(changed.latest_invoice)
    assert invoice.status == "paid" and invoice.billing_reason == "subscription_update"
    assert all(line.parent.invoice_item_details.proration for line in invoice.lines.data)
    assert invoice.lines.data[0].amount < 0 < invoice.lines.data[1].amount
    assert invoice.parent.subscription_details.subscription == subscription.id
    ending = client.v1.subscriptions.update(subscription.id, params={"cancel_at_period_end": True})
    assert ending.cancel_at == ending["items"].data[0].current_period_end
    kept = client.v1.subscriptions.update(subscription.id, params={"cancel_at_period_end": False})
    assert kept.cancel_at is None and not kept.cancel_at_period_end
    preview = client.v1.invoices.create_preview(
        params={"customer": customer.id, "subscription": subscription.id}
    )
    assert preview.amount_due == 3 * 5000 and preview.billing_reason == "upcoming"
    lines = client.v1.invoices.line_items.list(invoice.id, params={"limit": 1})
    assert lines.has_more and len(list(lines.auto_paging_iter())) == 2
    carded = client.v1.customers.create(
        params={"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    direct = client.v1.subscriptions.create(
        params={"customer": carded.id, "items": [{"price": "price_pro"}], "expand": ["latest_invoice"]}
    )
    assert direct.status == "active" and direct.latest_invoice.status == "paid"
    gone = client.v1.subscriptions.cancel(direct.id)
    assert gone.status == "canceled"
    live = client.v1.subscriptions.list(params={"customer": carded.id})
    every = client.v1.subscriptions.list(params={"customer": carded.id, "status": "all"})
    assert live.data == [] and [row.id for row in every.data] == [direct.id]
    fails(stripe.InvalidRequestError, lambda: client.v1.subscriptions.cancel(direct.id), code="resource_missing")
    fails(
        stripe.InvalidRequestError,
        lambda: client.v1.subscriptions.create(params={"customer": customer.id, "items": [{"price": "price_none"}]}),
        code="resource_missing",
        param="items[0][price]",
    )
    return invoice


def check_money(client, invoice, receiver):
    payments = client.v1.invoice_payments.list(params={"invoice": invoice.id})
    intent = client.v1.payment_intents.retrieve(payments.data[0].payment.payment_intent)
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert charge.paid and charge.amount == invoice.amount_paid
    client.v1.refunds.create(params={"charge": charge.id, "amount": 1})
    rest = client.v1.refunds.create(params={"payment_intent": intent.id})
    assert rest.amount == charge.amount - 1
    event, _, _ = receiver.event("charge.refunded", charge.id)
    assert event["data"]["object"]["amount_refunded"] == 1 and not event["data"]["object"]["refunded"]
    event, _, _ = receiver.event("charge.refunded", charge.id)
    assert event["data"]["object"]["refunded"]
    fails(
        stripe.InvalidRequestError,
        lambda: client.v1.refunds.create(params={"charge": charge.id}),
        code="charge_already_refunded",
    )
    broke = client.v1.customers.create(params={"payment_method": "pm_card_chargeCustomerFail"})
    fails(
        stripe.CardError,
        lambda: client.v1.subscriptions.create(
            params={
                "customer": broke.id,
                "items": [{"price": "price_pro"}],
                "payment_behavior": "error_if_incomplete",
            }
        ),
        http_status=402,
    )
    paid = client.v1.events.list(params={"types": ["invoice.paid", "invoice.payment_succeeded"], "limit": 100})
    kinds = [event.type for event in paid.data]
    assert kinds.count("invoice.paid") == kinds.count("invoice.payment_succeeded") > 0


def check_keys(client, base):
    options = {"idempotency_key": "official-1"}
    first = client.v1.customers.create(params={"email": "once@example.com"}, options=options)
    again = client.v1.customers.create(params={"email": "once@example.com"}, options=options)
    assert first.id == again.id and again.last_response.headers["Idempotent-Replayed"] == "true"
    fails(
        stripe.IdempotencyError,
        lambda: client.v1.customers.create(params={"email": "other@example.com"}, options=options),
        http_status=400,
    )
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": base})
    fails(stripe.AuthenticationError, lambda: stranger.v1.customers.list(), http_status=401)
    control(base, "faults", "status=503&count=2")
    # Two failures, and the client's own retry brings it.
    client.v1.customers.list(params={"limit": 1})
    for kind in ["dropped", "lost_reply", "slow"]:
        # The client tries again under the key that it made, so that it is done once.
        control(base, "faults", f"kind={kind}&count=1&milliseconds=50")
        client.v1.customers.create(params={"email": f"{kind}@example.com"})
        assert len(client.v1.customers.list(params={"email": f"{kind}@example.com"}).data) == 1
    control(base, "limit", "")
    fails(stripe.RateLimitError, lambda: client.v1.customers.list(), http_status=429)
    control(base, "limit", "")


def press(url, label):
    """Presses a button of a page as a browser would; where it leads."""
    page = urllib.request.urlopen(url).read().decode()
    form = next(form for form in re.findall(r"<form.*?</form>", page, re.S) if f">{label}</button>" in form)
    action = re.search(r'action="([^"]*)"', form).group(1)
    fields = re.findall(r'name="([^"]*)" value="([^"]*)"', form)
    body = urllib.parse.urlencode(fields).encode()

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    base = re.match(r"https?://[^/]+", url).group(0)
    try:
        urllib.request.build_opener(Stay).open(base + action, body)
    except urllib.error.HTTPError as answer:
        assert answer.code == 303, answer.read()
        return answer.headers["Location"]
    raise AssertionError("no redirect")


def control(base, action, body):
    request = urllib.request.Request(
        f"{base}/control/v1/{action}", body.encode(), {"Authorization": f"Bearer {API_KEY}"}
    )
    return json.load(urllib.request.urlopen(request))


def check_fake(binary):
    receiver = Receiver()
    command = [binary, "--webhook", receiver.url, "--seed", "7", "--frozen"]
    for price in ["price_pro=2000/month", "price_team=5000/month", "price_pack=900"]:
        command += ["--price", price]
    environment = {
        **os.environ,
        "STRIPE_FAKE_API_KEY": API_KEY,
        "STRIPE_FAKE_WEBHOOK_SECRETS": ",".join(SECRETS),
    }
    fake = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        base = fake.stdout.readline().split()[-1]
        client = stripe.StripeClient(API_KEY, base_addresses={"api": base}, max_network_retries=3)
        check_signatures(receiver, client)
        check_customers(client)
        customer, subscription = check_checkout(client, base, receiver)
        invoice = check_subscriptions(client, customer, subscription)
        check_money(client, invoice, receiver)
        check_keys(client, base)
        control(base, "advance", "months=1&hours=2")
        renewed = client.v1.subscriptions.retrieve(subscription.id)
        assert renewed.latest_invoice != invoice.id
        event, _, _ = receiver.event("invoice.payment_succeeded", renewed.latest_invoice)
        assert event["data"]["object"]["billing_reason"] == "subscription_cycle"
    finally:
        fake.terminate()
        assert fake.wait(timeout=DEADLINE_S) == 0, "stripe-fake must end by SIGTERM"


def check_gate(gate, secret):
    def post(body, signature):
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        try:
            return urllib.request.urlopen(urllib.request.Request(f"{gate}/webhooks/stripe", body, headers)).status
        except urllib.error.HTTPError as error:
            return error.code

    def signed(body, stamp, key=secret):
        return f"t={stamp},v1={stripe.WebhookSignature._compute_signature(f'{stamp}.{body}', key)}"

    now = int(time.time())
    for number, name in enumerate(["plain", "Zoë 🚀", 'quo"te\n', ""]):
        event = {
            "id": f"evt_official_{now}_{number}", "object": "event", "type": "product.created", "livemode": False,
            "data": {"object": {"id": "prod_1", "object": "product", "name": name}},
        }
        body = json.dumps(event, ensure_ascii=False, indent=number or None)
        raw = body.encode()
        assert post(raw, signed(body, now)) == 200
        assert post(raw, signed(body, now) + ",v0=" + "0" * 64) == 200
        assert post(raw, signed(body, now, "whsec_of_somebody_else")) == 400
        assert post(raw, signed(body, now - 3600)) == 400
        assert post(raw + b" ", signed(body, now)) == 400


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "fake":
        check_fake(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "gate":
        check_gate(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)
    print(f"official client {stripe.VERSION}: {sys.argv[1]} is as it should be")
