//! A book whose stream the venue refuses for good, among books that live.

use touchline_feed::Rules;
use touchline_link::Driver;
use touchline_market::{Channel, Flags, Reason};

use super::{Bench, facts, ms};
use crate::live::control::{Control, Subscribe};
use crate::live::member::Order;

const END: Reason = Reason::SubscriptionRejected;

impl Bench {
    /// The first book's stream is refused for good; its trades, and the other books, are not.
    fn refused() -> Self {
        let mut bench = Self::new(Rules::default(), facts(|_| {}), 1);
        bench.run(ms(10));
        let trades = Subscribe { channels: vec![Channel::Trade], ..bench.subscriptions[0].clone() };
        let stamp = bench.stamp();
        bench.engine.control(Control::Subscribe(trades), stamp);
        bench.open(0);
        bench.run(ms(10));
        bench.accept();
        bench.run(ms(10));
        let stream =
            bench.engine.member(0).and_then(|member| member.locals[0].stream(Channel::Book)).unwrap();
        bench.engine.broken(0, Some(stream), END, true);
        bench.run(ms(10));
        assert_eq!(bench.told(), [(0, Some(Channel::Book), END, true)]);
        bench.clear();
        bench
    }

    /// All streams break: whose, of which channel, why and whether for good.
    fn all_break(&mut self, reason: Reason) -> Vec<(u32, Option<Channel>, Reason, bool)> {
        let stamp = self.stamp();
        self.engine.deliver(0, Order::Breaks { reason, dead: false }, stamp);
        self.run(ms(1));
        let told = self.told();
        self.clear();
        told
    }

    fn told(&self) -> Vec<(u32, Option<Channel>, Reason, bool)> {
        let broken = self.heads.iter().filter_map(|head| Some((head, head.reason()?)));
        let told = broken.map(|(head, reason)| {
            let mut channels = Channel::ALL.into_iter().filter(|channel| head.breaks(*channel));
            let first = channels.next().filter(|_| channels.next().is_none());
            (head.instrument.0, first, reason, head.flags.has(Flags::FINAL))
        });
        told.collect()
    }
}

/// The connection is cut: the book that is dead stays so, its trades and the other books hear of it.
#[test]
fn dead_book_hears_of_no_break_but_its_trades_do() {
    let mut bench = Bench::refused();
    let cut = Reason::Disconnected;
    assert_eq!(
        bench.all_break(cut),
        [(0, Some(Channel::Trade), cut, false), (1, None, cut, false), (2, None, cut, false)]
    );
}

/// Messages were lost, the word of its end perhaps among them: the book hears of it again, and of nothing else.
#[test]
fn dead_book_hears_of_its_end_again_when_messages_were_lost() {
    let mut bench = Bench::refused();
    let lost = Reason::Overrun;
    for _ in 0..2 {
        assert_eq!(
            bench.all_break(lost),
            [
                (0, Some(Channel::Book), END, true),
                (0, Some(Channel::Trade), lost, false),
                (1, None, lost, false),
                (2, None, lost, false)
            ]
        );
    }
}
