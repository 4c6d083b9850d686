%% The work of `bench.compare` in Erlang: main WORKLOAD SIZE prints the nanoseconds, or the bytes,
%% that one operation takes. What each workload is stands in `bench/workloads.py`.
%% A batch is ended when who started it has yielded: that one comes after all who are runnable.

-module(beam_peer).
-export([main/1]).

-define(BATCH, 100).
-define(SENDERS, 100).
-define(RING, 1000).

main([Name, Text]) ->
    Workload = list_to_atom(Name),
    Size = list_to_integer(Text),
    process_flag(message_queue_data, queue(Workload)),
    io:format("~.2f~n", [measure(Workload, Size)]),
    halt().

%% Which of the two is the faster for the process that measures.
queue(spawn_exit) -> off_heap;
queue(fan_in) -> off_heap;
queue(flood) -> off_heap;
queue(_) -> on_heap.

measure(idle_bytes, Size) ->
    Before = resident_bytes(),
    Pids = [spawn(fun wait/0) || _ <- lists:seq(1, Size)],
    erlang:yield(),
    Grown = resident_bytes() - Before,
    %% The list is of use for this alone: it lives until here.
    Size = length(Pids),
    (Grown - 16 * Size) / Size;
measure(Workload, Size) ->
    _ = milliseconds(Workload, warm_up(Workload, Size)),
    mean(Workload, Size, 0, 0).

%% The clock has milliseconds: what is done in a few of them is done again.
mean(Workload, Size, Spent, Times) when Spent >= 100, Times > 0 ->
    Spent * 1000000 / (Times * operations(Workload, Size));
mean(Workload, Size, Spent, Times) ->
    mean(Workload, Size, Spent + milliseconds(Workload, Size), Times + 1).

%% A tenth: a power of ten for skynet, a multiple of 1,000 for the others, as the size itself.
warm_up(skynet, Size) -> max(Size div 10, 1);
warm_up(_, Size) -> max(Size div 10000, 1) * 1000.

operations(skynet, 1) -> 1;
operations(skynet, Leaves) -> Leaves + operations(skynet, Leaves div 10);
operations(_, Size) -> Size.

%% Processor time, of all threads.
milliseconds(Workload, Size) ->
    Run = prepare(Workload, Size),
    {Start, _} = statistics(runtime),
    Run(),
    {End, _} = statistics(runtime),
    End - Start.

%% What is to be timed, once all that it needs is there.

prepare(spawn_exit, Size) ->
    fun() -> spawn_batches(Size div ?BATCH) end;
prepare(pingpong, Size) ->
    Echo = spawn(fun echo/0),
    erlang:yield(),
    fun() -> ping(Echo, Size) end;
prepare(ring, Size) ->
    end_ring(get(ring)),
    First = lists:foldl(
        fun(_, Next) -> spawn(fun() -> node_of_ring(Next) end) end,
        self(),
        lists:seq(2, ?RING)
    ),
    put(ring, First),
    erlang:yield(),
    fun() -> turn(First, Size div ?RING) end;
prepare(skynet, Size) ->
    fun() ->
        Me = self(),
        spawn(fun() -> skynet(Me, 0, Size) end),
        Sum = Size * (Size - 1) div 2,
        receive
            Sum -> ok
        end
    end;
prepare(fan_in, Size) ->
    senders(?SENDERS, Size);
prepare(flood, Size) ->
    senders(1, Size);
prepare(dict, Size) ->
    %% Made when it runs: a constant would not be copied.
    Me = self(),
    Dict = #{id => Size, name => <<"joe">>, at => 4.5, open => true, parent => Me},
    Mirror = spawn(fun() -> mirror(Me) end),
    erlang:yield(),
    fun() -> pass(Mirror, Dict, Size div 2) end;
prepare(timer, Size) ->
    fun() -> timers(Size) end.

resident_bytes() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Resident | _] = binary:split(Text, <<" ">>, [global]),
    4096 * binary_to_integer(Resident).

wait() ->
    receive
        stop -> ok
    end.

nothing() -> ok.

spawn_batches(0) ->
    ok;
spawn_batches(N) ->
    spawn_batch(?BATCH),
    erlang:yield(),
    spawn_batches(N - 1).

spawn_batch(0) ->
    ok;
spawn_batch(N) ->
    spawn(fun nothing/0),
    spawn_batch(N - 1).

echo() ->
    receive
        {Sender, N} ->
            Sender ! {Sender, N},
            echo()
    end.

ping(_, 0) ->
    ok;
ping(Echo, N) ->
    Echo ! {self(), N},
    receive
        {_, N} -> ping(Echo, N - 1)
    end.

%% That of the run before: there may be thousands of runs.
end_ring(undefined) ->
    ok;
end_ring(First) ->
    First ! stop,
    receive
        stop -> ok
    end.

node_of_ring(Next) ->
    receive
        stop ->
            Next ! stop;
        Token ->
            Next ! Token,
            node_of_ring(Next)
    end.

turn(_, 0) ->
    ok;
turn(First, N) ->
    First ! N,
    receive
        N -> turn(First, N - 1)
    end.

skynet(Parent, Number, 1) ->
    Parent ! Number;
skynet(Parent, Number, Size) ->
    Part = Size div 10,
    Me = self(),
    spawn_children(Me, Number, Part, 10),
    Parent ! sum(10, 0).

spawn_children(_, _, _, 0) ->
    ok;
spawn_children(Me, Number, Part, N) ->
    spawn(fun() -> skynet(Me, Number, Part) end),
    spawn_children(Me, Number + Part, Part, N - 1).

sum(0, Sum) ->
    Sum;
sum(N, Sum) ->
    receive
        Number -> sum(N - 1, Sum + Number)
    end.

senders(Senders, Size) ->
    Me = self(),
    Pids = [spawn(fun() -> send_when_told(Me, Size div Senders) end) || _ <- lists:seq(1, Senders)],
    erlang:yield(),
    fun() ->
        [Pid ! start || Pid <- Pids],
        take(Size)
    end.

send_when_told(To, N) ->
    receive
        start -> send_numbers(To, N)
    end.

send_numbers(_, 0) ->
    ok;
send_numbers(To, N) ->
    To ! N,
    send_numbers(To, N - 1).

take(0) ->
    ok;
take(N) ->
    receive
        _ -> take(N - 1)
    end.

mirror(To) ->
    receive
        Message ->
            To ! Message,
            mirror(To)
    end.

pass(_, _, 0) ->
    ok;
pass(Mirror, Dict, N) ->
    Mirror ! Dict,
    receive
        _ -> pass(Mirror, Dict, N - 1)
    end.

timers(0) ->
    ok;
timers(N) ->
    Refs = set_timers(?BATCH, []),
    lists:foreach(fun erlang:cancel_timer/1, Refs),
    timers(N - ?BATCH).

set_timers(0, Refs) ->
    Refs;
set_timers(N, Refs) ->
    set_timers(N - 1, [erlang:send_after(60000, self(), late) | Refs]).
