"""The table of a profile, from lines as ONNX Runtime writes them."""

from onnx_server.engine.trace import OperatorTime, summarise

LINES = b"""[
{"cat" : "Session","pid" :1,"tid" :1,"dur" :900,"ts" :4,"ph" : "X","name" :"session_initialization","args" : {}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :96,"ts" :950,"ph" : "X","name" :"MatMul_0_kernel_time","args" : {"op_name" : "MatMul","provider" : "CPUExecutionProvider"}},
{"cat" : "Session","pid" :1,"tid" :1,"dur" :122,"ts" :948,"ph" : "X","name" :"model_run","args" : {}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :20,"ts" :2000,"ph" : "X","name" :"MatMul_0_kernel_time","args" : {"op_name" : "MatMul","provider" : "CUDAExecutionProvider"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :1,"ts" :2021,"ph" : "X","name" :"MatMul_0_fence_after","args" : {"op_name" : "MatMul"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :30,"ts" :2030,"ph" : "X","name" :"MatMul_1_kernel_time","args" : {"op_name" : "MatMul","provider" : "CUDAExecutionProvider"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :60,"ts" :2070,"ph" : "X","name" :"x_kernel_time","args" : {"op_name" : "NonZero","provider" : "CPUExecutionProvider"}},
{"cat" : "Session","pid" :1,"tid" :1,"dur" :200,"ts" :1990,"ph" : "X","name" :"model_run","args" : {}}
]
""".splitlines(keepends=True)  # noqa: E501  as they are


def test_operators_are_summed_by_name_and_provider_the_longest_first() -> None:
    summary = summarise(LINES, since=1000)
    assert (summary.runs, summary.microseconds) == (1, 200)
    assert summary.operators == [OperatorTime("NonZero", "CPU", 1, 60), OperatorTime("MatMul", "CUDA", 2, 50)]
    assert summary.describe()["operators"] == [
        {"operator": "NonZero", "provider": "CPU", "count": 1, "microseconds": 60, "share": 0.3},
        {"operator": "MatMul", "provider": "CUDA", "count": 2, "microseconds": 50, "share": 0.25},
    ]


def test_what_came_before_counts_only_if_it_is_asked_for() -> None:
    summary = summarise(LINES)
    assert (summary.runs, summary.microseconds) == (2, 322)
    assert OperatorTime("MatMul", "CPU", 1, 96) in summary.operators


def test_a_profile_without_runs_is_an_empty_table() -> None:
    summary = summarise([b"[\n", b"]\n"])
    assert summary.describe() == {"runs": 0, "microseconds": 0, "operators": []}
    assert len(summary.lines()) == 2
