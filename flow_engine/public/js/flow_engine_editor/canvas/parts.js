/** What stands beside the tree. */
import FlowSettings from "../panel/FlowSettings.vue";
import StepPanel from "../panel/StepPanel.vue";
import TriggerPanel from "../panel/TriggerPanel.vue";
import RunsPanel from "../run/RunsPanel.vue";
import TestRun from "../run/TestRun.vue";
import TrialOutcome from "../run/TrialOutcome.vue";
import CompareView from "../versions/CompareView.vue";
import VersionsPanel from "../versions/VersionsPanel.vue";

export const parts = {
	FlowSettings,
	StepPanel,
	TriggerPanel,
	RunsPanel,
	TestRun,
	TrialOutcome,
	CompareView,
	VersionsPanel,
};
