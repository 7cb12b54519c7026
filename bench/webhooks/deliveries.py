"""Stripe's side: signed events over kept-alive connections."""

import asyncio
import hashlib
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


class Deliveries:
    def __init__(self, port, secret, connections):
        self.port = port
        self.secret = secret.encode()
        self.connections = connections

    async def at_rate(self, bodies, rate):
        """Sends each body at its time, whether those before it were answered or not."""
        queue = asyncio.Queue()
        times, statuses = [], {}

        async def work():
            connection = await self._connect()
            while (item := await queue.get()) is not None:
                due, body = item
                status = await self._post(connection, body)
                times.append(time.monotonic() - due)
                statuses[status] = statuses.get(status, 0) + 1
            connection[1].close()

        workers = [asyncio.create_task(work()) for _ in range(self.connections)]
        start = time.monotonic()
        for number, body in enumerate(bodies):
            due = start + number / rate
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            queue.put_nowait((due, body))
        for _ in workers:
            queue.put_nowait(None)
        await asyncio.gather(*workers)
        return self._report(times, statuses) | {"rate": rate}

    async def drain(self, bodies):
        """Sends all as fast as they are taken; what is answered 503 comes again."""
        bodies = iter(bodies)
        times, statuses = [], {}
        again = 0

        async def work():
            nonlocal again
            connection = await self._connect()
            for body in bodies:
                start = time.monotonic()
                for attempt in range(TRIES_MAX):
                    status = await self._post(connection, body)
                    if status != 503:
                        break
                    again += 1
                    await asyncio.sleep(min(0.05 * 2 ** attempt, 1))
                times.append(time.monotonic() - start)
                statuses[status] = statuses.get(status, 0) + 1
            connection[1].close()

        await asyncio.gather(*(work() for _ in range(self.connections)))
        return self._report(times, statuses) | {"sent_again": again}

    def _connect(self):
        return asyncio.open_connection("127.0.0.1", self.port)

    async def _post(self, connection, body):
        reader, writer = connection
        at = str(int(time.time()))
        mac = hmac.new(self.secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        writer.write(
            b"POST /webhooks/stripe HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            + f"Stripe-Signature: t={at},v1={mac}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1])

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
