"""Which member is the router: flooded claims with a lease, no quorum. Without clock, socket or disk.

An `Elector` (elector.py) is told what happens, with the time, and returns what it wants done (effects.py):
`Send` a message to a member, `Persist` the highest term before carrying out what follows, `Probe` a member with
a new connection. Carry effects out in order, at once. Call `tick` when `next_wake` says, and ask `next_wake`
again after each other call.

    elector = Elector(
        me=node, boot=secrets.randbits(53), max_term=stored, members=ids, now=clock(), rng=random.Random()
    )
    for effect in elector.tick(clock()): ...      # also hear, lost, refused, woke, set_members, set_preference,
    elector.is_router(clock())                    # drain, cancel_drain, handover, leave
    elector.claim, elector.router, elector.state  # whom requests go to; None while nobody reigns

The clock counts sleep and never goes back (CLOCK_BOOTTIME where there is one). A silence of a lease between two calls of
`tick` means that the machine slept: it reigns no more and listens before it stands again. `is_router` is to be asked for each
request, `accepts` for each command of a router to a worker; both compare with what was followed before.

A drained router is done when its state isn't DRAINING any more: somebody else reigns, or it is ROUTER because nobody can take
over. `leave` is the last word of a stopping machine. Messages (messages.py) may be lost, late, twice or in another order.
How it works, and why: docs/protocol.md; the rules that matter most are in rules.py, the times in timing.py.
"""
