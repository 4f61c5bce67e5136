//! What the process does that makes the call: it looks for a thread, calls, and stays until the function has come back.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::choice::{self, Offer};
use super::protocol::{self, Answer};
use super::{Said, Wish, tell};
use crate::process::failure::Outcome;
use crate::process::pipe::End;
use crate::process::sys;
use crate::process::window::thread_ids;

/// Between two rounds over the threads; an answer of the runtime's is worth a longer rest.
const REST: Duration = Duration::from_millis(1);
const REST_AFTER_A_TRY: Duration = Duration::from_millis(5);

/// Looks for a thread and calls; it never comes back. `orders` says nothing, it ends with us. Nobody is waited for who
/// does not hear it.
pub fn call(wish: &Wish, mut orders: End, mut answers: End) -> ! {
    sys::leave_the_terminal();
    // The last to be ended where memory is short; where we may not say so, it is as likely as any.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    tell(&mut answers, &Ok(Said::Looking(sys::our_process())));
    let end = search(wish, &mut orders, &mut answers);
    tell(&mut answers, &end);
    sys::end_now()
}

fn search(wish: &Wish, orders: &mut End, answers: &mut End) -> Outcome<Said> {
    let until = Instant::now() + wish.within;
    let mut tried = 0;
    // The threads that were looked at and not fit for it, by why.
    let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
    while tried < wish.most_tries && Instant::now() < until {
        let mut rest = REST;
        for thread in thread_ids(wish.process)? {
            let standing = match choice::look(wish, thread)? {
                Offer::Fit(standing) => standing,
                Offer::Unfit(why) => {
                    *reasons.entry(why.to_owned()).or_default() += 1;
                    continue;
                }
                Offer::Idle => continue,
            };
            tried += 1;
            rest = REST_AFTER_A_TRY;
            match protocol::call(wish, thread, &standing, &mut |said| {
                tell(answers, &Ok(said))
            }) {
                Answer::Refused(why) => *reasons.entry(why).or_default() += 1,
                Answer::Done => return Ok(Said::Done),
                Answer::Lost => return Ok(Said::Lost(thread)),
            }
        }
        // Whoever wanted it has gone: nothing was begun.
        orders.until = Instant::now() + rest;
        if orders.is_over() {
            break;
        }
    }
    let said: Vec<String> = reasons
        .iter()
        .map(|(why, n)| format!("{n} times: {why}"))
        .collect();
    Ok(Said::Refused(said.join("; ")))
}
