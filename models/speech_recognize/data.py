from bench.models.speech_command.acoustics import Conditions
CONDITIONS = Conditions(snr_db=(-2.0, 18.0))
