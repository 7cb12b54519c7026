"""Stripe's side: signed events over kept-alive connections."""

import asyncio
import collections
import hmac
import json
import time

MONTH = 2_592_000
TRIES_MAX = 200


def renewal(series, number, period):
    """An `invoice.paid` of 2025-03-31.basil, about as large as Stripe's own; for period 0, 1, … of a subscription."""
    start = int(time.time()) - 60 + period * 30
    subscription = f"sub_{series}{number}"
    line = {
        "id": f"il_{series}{number}", "object": "line_item", "amount": 2000, "currency": "eur", "quantity": 1,
        "description": "1 × Pro (at €20.00 / month)", "period": {"start": start, "end": start + MONTH},
        "parent": {
            "type": "subscription_item_details", "invoice_item_details": None,
            "subscription_item_details": {
                "proration": False, "subscription": subscription, "subscription_item": f"si_{series}{number}"}},
        "pricing": {"type": "price_details", "price_details": {"price": "price_pro", "product": "prod_1"}},
    }
    invoice = {
        "id": f"in_{series}{number}_{period}", "object": "invoice", "customer": f"cus_{series}{number}",
        "status": "paid", "billing_reason": "subscription_cycle", "currency": "eur", "amount_due": 2000,
        "amount_paid": 2000, "created": start, "metadata": {},
        "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/" + "x" * 120,
        "lines": {"object": "list", "data": [line], "has_more": False},
        "parent": {
            "type": "subscription_details", "quote_details": None,
            "subscription_details": {
                "subscription": subscription, "metadata": {"user_id": f"u_{series}{number}"}}},
    }
    return json.dumps({
        "id": f"evt_{series}{number}_{period}", "object": "event", "api_version": "2025-03-31.basil",
        "created": start, "type": "invoice.paid", "livemode": False, "data": {"object": invoice},
    }).encode()


class Connection(asyncio.Protocol):
    """One kept-alive connection with one request under way. Bare bytes: the sender shares the machine with what it
    measures."""

    def __init__(self, secret):
        self.secret = secret
        self.answered = None
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        if self.answered:
            raise SystemExit(f"the gate closed a connection: {error}")

    def post(self, body, answered):
        """Calls `answered` with the status."""
        self.answered = answered
        at = str(int(time.time())).encode()
        mac = hmac.digest(self.secret, at + b"." + body, "sha256").hex()
        self.transport.write(
            b"POST /webhooks/stripe HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Stripe-Signature: t=%b,v1=%b\r\nContent-Length: %d\r\n\r\n%b" % (at, mac.encode(), len(body), body))

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower() + b"\r\n"
        start = head.index(b"\r\ncontent-length:") + 17
        length = int(head[start:head.index(b"\r\n", start)])
        if len(self.buffer) < end + 4 + length:
            return
        status, self.buffer = int(self.buffer[9:12]), b""
        answered, self.answered = self.answered, None
        answered(self, status)


class Deliveries:
    """Sends bodies that were made beforehand."""

    def __init__(self, port, secret, connections):
        self.port = port
        self.secret = secret.encode()
        self.connections = connections

    async def at_rate(self, bodies, rate):
        """Sends each body at its time, whether those before it were answered or not."""
        idle = await self._connect()
        waiting, times, statuses = collections.deque(), [], {}
        done = asyncio.get_running_loop().create_future()

        def send(connection, due, body):
            def answered(connection, status):
                times.append(time.monotonic() - due)
                statuses[status] = statuses.get(status, 0) + 1
                if waiting:
                    send(connection, *waiting.popleft())
                else:
                    idle.append(connection)
                if len(times) == len(bodies):
                    done.set_result(None)
            connection.post(body, answered)

        start = time.monotonic()
        for number, body in enumerate(bodies):
            due = start + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if idle:
                send(idle.pop(), due, body)
            else:
                waiting.append((due, body))
        await done
        took = time.monotonic() - start
        return self._report(times, statuses) | {"rate": rate, "per_s": round(len(bodies) / took)}

    async def drain(self, bodies):
        """Sends all as fast as they are taken; what is answered 503 comes again."""
        loop = asyncio.get_running_loop()
        connections = await self._connect()
        left, times, statuses = iter(bodies), [], {}
        done = loop.create_future()
        again = 0

        def next_one(connection):
            if (body := next(left, None)) is not None:
                send(connection, body, time.monotonic(), 0)

        def send(connection, body, start, attempt):
            def answered(connection, status):
                nonlocal again
                if status == 503 and attempt < TRIES_MAX:
                    again += 1
                    loop.call_later(
                        min(0.05 * 2 ** attempt, 1), send, connection, body, start, attempt + 1)
                    return
                times.append(time.monotonic() - start)
                statuses[status] = statuses.get(status, 0) + 1
                if len(times) == len(bodies):
                    done.set_result(None)
                next_one(connection)
            connection.post(body, answered)

        for connection in connections:
            next_one(connection)
        await done
        return self._report(times, statuses) | {"sent_again": again}

    async def _connect(self):
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: Connection(self.secret), "127.0.0.1", self.port)
            for _ in range(self.connections)]
        return [protocol for _, protocol in made]

    @staticmethod
    def _report(times, statuses):
        times.sort()

        def share(part):
            return round(1000 * times[min(len(times) - 1, int(part * len(times)))], 1)

        return {
            "events": len(times), "failed": sum(n for status, n in statuses.items() if status != 200),
            "statuses": {str(status): n for status, n in sorted(statuses.items())},
            "ms": {"p50": share(0.5), "p99": share(0.99), "p999": share(0.999), "max": share(1)},
        }
